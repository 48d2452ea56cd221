// A program that shows which process it is and which version of its source it was built from, and then stays.
export const EDIT = 'EDIT';
export const STOP = 'STOP';
export const SOURCE = `package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	pid := os.Getpid()
	v := 1 // EDIT
	fmt.Println("version", v, "of", pid) // STOP
	time.Sleep(time.Hour)
}
`;
