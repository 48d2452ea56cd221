// Sample that does what its first argument says: output, exit codes, endings.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func number(at int) int {
	n, err := strconv.Atoi(os.Args[at])
	if err != nil {
		panic(err)
	}
	return n
}

// Both streams, line by line, each line on each of them numbered.
func both(lines int) {
	for i := 0; i < lines; i++ {
		fmt.Fprintf(os.Stdout, "out %d\n", i)
		fmt.Fprintf(os.Stderr, "err %d\n", i)
	}
}

// Characters of two, three and four bytes, one write for each byte.
func utf8Bytes(repeat int) {
	text := []byte("né€𝄞漢字\n")
	for i := 0; i < repeat; i++ {
		for _, b := range text {
			os.Stdout.Write([]byte{b})
		}
	}
}

// This many bytes in lines of 100, each line with its number.
func flood(bytes int) {
	w := bufio.NewWriterSize(os.Stdout, 64*1024)
	for i := 0; i < bytes/100; i++ {
		fmt.Fprintf(w, "%099d\n", i)
	}
	w.Flush()
}

// What the process is like from inside, as one line of JSON.
func report() {
	wd, _ := os.Getwd()
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"args": os.Args[1:], "env": os.Environ(), "cwd": wd, "pid": os.Getpid(),
	})
}

var ticks int

func tick() {
	ticks++ // TICK
}

// Runs until it is ended, and says so once.
func loop() {
	fmt.Println("looping", os.Getpid())
	for {
		tick()
		time.Sleep(10 * time.Millisecond)
	}
}

// As loop, and prints all the while: each time so many lines of 100 bytes on stdout, each with its number, and one on
// stderr.
func print(lines int) {
	fmt.Println("printing", os.Getpid())
	for i := 0; ; i++ {
		tick()
		for j := 0; j < lines; j++ {
			fmt.Printf("%099d\n", i*lines+j)
		}
		fmt.Fprintf(os.Stderr, "%d\n", i)
		time.Sleep(10 * time.Millisecond)
	}
}

// A child that has the streams after this process has gone.
func grandchild(name string, args ...string) {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	fmt.Println("child", cmd.Process.Pid)
}

// Says whether SIGINT arrives.
func interrupt() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT)
	fmt.Println("waiting", os.Getpid())
	<-c
	fmt.Println("interrupted")
}

func main() {
	what := "report"
	if len(os.Args) > 1 {
		what = os.Args[1]
	}
	switch what { // SWITCH
	case "report":
		report()
	case "both":
		both(number(2))
	case "utf8":
		utf8Bytes(number(2))
	case "flood":
		flood(number(2))
		fmt.Fprintln(os.Stderr, "flooded") // FLOODED
	case "exit":
		fmt.Print("before exit\n")
		fmt.Fprint(os.Stderr, "last words without a newline")
		os.Exit(number(2))
	case "panic":
		var m map[string]int
		m["x"] = 1 // PANIC
	case "loop":
		loop()
	case "print":
		print(number(2))
	case "grandchild":
		grandchild("sleep", os.Args[2])
	case "chatter":
		grandchild("sh", "-c", "while echo chatter; do sleep 0.1; done")
	case "daemon": // in a session of its own, with our streams
		grandchild("setsid", "sleep", os.Args[2])
	case "interrupt":
		interrupt()
	case "quiet":
	}
}
