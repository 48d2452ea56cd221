// Sample for breakpoints, stepping and variables. The tests find lines by the marks at their ends.
package main

import (
	"fmt"
	"os"
)

type point struct {
	X, Y int
}

type shape struct {
	Name   string
	Points []point
	Tags   map[string]int
	Next   *shape
}

func add(a, b int) int { // ADD
	sum := a + b // SUM
	return sum   // RETURN
}

func describe(s *shape) string {
	return fmt.Sprintf("%s with %d points", s.Name, len(s.Points)) // DESCRIBE
}

func main() {
	total := 0 // START
	p := point{1, 2}
	greeting := "héllo, wörld ✓"
	numbers := []int{10, 20, 30}
	s := &shape{Name: "triangle", Points: []point{{0, 0}, {4, 0}, {0, 3}}, Tags: map[string]int{"sides": 3}}
	for i := 0; i < 5; i++ {
		total = add(total, numbers[i%3]+i) // LOOP
		fmt.Println("round", i, total)     // PRINT
	}
	fmt.Println(greeting, p.X+p.Y, describe(s)) // LAST
	if len(os.Args) > 1 {
		fmt.Println("args", os.Args[1:])
	}
}
