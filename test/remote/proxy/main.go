// Command proxy writes a module as a file proxy has it: proxy DIR MODULE VERSION GOMOD [FILE=TEXT...]
package main

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	dir, module, version, gomod := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	// Upper-case letters as the protocol of proxies has them.
	escaped := ""
	for _, c := range module {
		if c >= 'A' && c <= 'Z' {
			escaped += "!" + strings.ToLower(string(c))
		} else {
			escaped += string(c)
		}
	}
	at := filepath.Join(dir, escaped, "@v")
	check(os.MkdirAll(at, 0o755))
	base := filepath.Join(at, version)
	check(os.WriteFile(base+".mod", []byte(gomod), 0o644))
	check(os.WriteFile(base+".info", []byte(fmt.Sprintf(`{"Version":%q,"Time":"2020-01-01T00:00:00Z"}`, version)), 0o644))
	list, err := os.OpenFile(filepath.Join(at, "list"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	check(err)
	_, err = fmt.Fprintln(list, version)
	check(err)
	check(list.Close())
	out, err := os.Create(base + ".zip")
	check(err)
	z := zip.NewWriter(out)
	for _, file := range append([]string{"go.mod=" + gomod}, os.Args[5:]...) {
		name, text, _ := strings.Cut(file, "=")
		w, err := z.Create(module + "@" + version + "/" + name)
		check(err)
		_, err = w.Write([]byte(text))
		check(err)
	}
	check(z.Close())
	check(out.Close())
}
