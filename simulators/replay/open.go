package replay

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"
)

// Open a file for reading; one whose name ends in .gz is unpacked, "-" is standard input.
func Open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	if !strings.HasSuffix(path, ".gz") {
		return f, nil
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open recording %s: %w", path, err)
	}
	return unpacking{z, f}, nil
}

type unpacking struct {
	*gzip.Reader
	file io.Closer
}

func (u unpacking) Close() error {
	if err := u.Reader.Close(); err != nil {
		_ = u.file.Close()
		return err
	}
	return u.file.Close()
}

// CSVName reports that a path names a CSV file, packed or not.
func CSVName(path string) bool { return strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".csv") }
