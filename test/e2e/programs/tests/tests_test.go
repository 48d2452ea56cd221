package tests

import (
	"fmt"
	"os"
	"testing"
)

func TestDouble(t *testing.T) {
	fmt.Println("in TestDouble")
	if got := Double(21); got != 42 { // CALL
		t.Fatalf("Double(21) = %d", got)
	}
}

func TestDirectory(t *testing.T) {
	wd, _ := os.Getwd()
	fmt.Println("test directory", wd)
}

func TestFails(t *testing.T) {
	if os.Getenv("FAIL") != "" {
		t.Fatal("asked to fail")
	}
}
