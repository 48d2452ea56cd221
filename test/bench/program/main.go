// What the benchmark debugs: a loop to step through with a large variable in sight, or, given a number, that many
// MiB of output.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

func output(mib int) {
	w := bufio.NewWriterSize(os.Stdout, 1<<16)
	defer w.Flush()
	for i := 0; i < mib<<14; i++ {
		fmt.Fprintf(w, "%063d\n", i)
	}
}

func main() {
	if len(os.Args) > 1 {
		if mib, err := strconv.Atoi(os.Args[1]); err == nil {
			output(mib)
			return
		}
	}
	numbers := make([]int, 10000)
	for i := range numbers {
		numbers[i] = i * i
	}
	sum := 0
	for i := 0; ; i++ {
		sum += numbers[i%len(numbers)] // stop
		sum ^= i
	}
}
