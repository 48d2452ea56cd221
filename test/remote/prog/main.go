// The program that test/remote/run debugs: it says what it was given, prints, or waits.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "show": // its arguments and the variables named in SHOW_*, quoted; then waits
		for _, a := range os.Args[2:] {
			fmt.Printf("arg %s\n", strconv.Quote(a))
		}
		mask := syscall.Umask(0)
		fmt.Printf("umask %o\n", mask)
		fmt.Printf("up %d\n", os.Getpid())
		for {
			time.Sleep(time.Hour)
		}
	case "print": // N numbered lines to stdout and to stderr, the last one without a newline
		n, _ := strconv.Atoi(os.Args[2])
		out, err := bufio.NewWriter(os.Stdout), bufio.NewWriter(os.Stderr)
		for i := 0; i < n; i++ {
			fmt.Fprintf(out, "%09d out\n", i)
			fmt.Fprintf(err, "%09d err\n", i)
		}
		fmt.Fprint(out, "the end")
		fmt.Fprint(err, "the end")
		out.Flush()
		err.Flush()
	}
}
