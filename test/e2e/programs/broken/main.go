package main

import "fmt"

func main() {
	fmt.Println(undefinedName)
	var unused int
}
