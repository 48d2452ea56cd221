// Package tests is a sample for mode test.
package tests

// Double gives twice n.
func Double(n int) int {
	return n * 2 // DOUBLE
}
