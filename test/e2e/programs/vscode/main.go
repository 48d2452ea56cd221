package main

import (
	"fmt"
	"time"
)

type point struct {
	X, Y int
}

func add(a, b int) int {
	sum := a + b
	return sum
}

func main() {
	total := 0
	p := point{1, 2}
	names := []string{"ann", "bob"}
	for i := 0; i < 3; i++ {
		total = add(total, i)
		fmt.Println("step", i, total, p, names)
	}
	for n := 0; n < rounds; n++ {
		total = add(total, n)
		time.Sleep(100 * time.Millisecond)
	}
}
