package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// printed is an output that can be read while it is written.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func (p *printed) wait(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); p.String() != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("printed\n%s\nwant\n%s", p, want)
		}
	}
}

const pushedColumns = `{"columns":[{"name":"city","type":"STRING"},{"name":"n","type":"BIGINT"}]}`

// pushCore sends the lines that the test gives, and closes left when its client went.
func pushCore(t *testing.T) (cfg *Config, lines chan string, left chan struct{}) {
	t.Helper()
	lines, left = make(chan string), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
		fmt.Fprintln(w, pushedColumns)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case line, ok := <-lines:
				switch {
				case !ok:
					return
				case line == "break":
					panic(http.ErrAbortHandler)
				}
				fmt.Fprintln(w, line)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				close(left)
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return &Config{Server: s.URL, Output: "table"}, lines, left
}

func TestPush(t *testing.T) {
	for form, want := range map[string][3]string{
		"table": {"city       n\nOslo       7\nTrondheim  8\n", "Rio        9\n", "Llanfairpwllgwyngyll  123\nRio                     1\n"},
		"csv":   {"city,n\nOslo,7\nTrondheim,8\n", "Rio,9\n", "Llanfairpwllgwyngyll,123\nRio,1\n"},
		"json": {pushedColumns + "\n" + `{"row":["Oslo",7]}` + "\n" + `{"row":["Trondheim",8]}` + "\n", `{"row":["Rio",9]}` + "\n",
			`{"row":["Llanfairpwllgwyngyll",123]}` + "\n" + `{"row":["Rio",1]}` + "\n"},
	} {
		t.Run(form, func(t *testing.T) {
			cfg, lines, left := pushCore(t)
			cfg.Output = form
			ctx, interrupt := context.WithCancel(context.Background())
			defer interrupt()
			out := &printed{}
			ended := make(chan error, 1)
			go func() {
				ended <- Run(ctx, cfg, Process{OnInterrupt: func(func()) func() { return func() {} }, Args: []string{"SELECT * FROM v EMIT CHANGES; SELECT 2"}, Stdout: out, Stderr: io.Discard})
			}()
			lines <- `{"row":["Oslo",7]}`
			lines <- ""
			lines <- `{"row":["Trondheim",8]}`
			out.wait(t, want[0])
			lines <- `{"row":["Rio",9]}`
			out.wait(t, want[0]+want[1])
			lines <- `{"row":["Llanfairpwllgwyngyll",123]}`
			lines <- `{"row":["Rio",1]}`
			out.wait(t, want[0]+want[1]+want[2])
			interrupt()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			<-left
			if rest := strings.TrimPrefix(out.String(), want[0]+want[1]+want[2]); rest != map[string]string{"table": "(5 rows)\n"}[form] {
				t.Errorf("at the end: %q", rest)
			}
		})
	}
}

// More than the first rows, and an end by the core.
func TestPushEnds(t *testing.T) {
	cfg, lines, _ := pushCore(t)
	go func() {
		for i := range 3 * fitRows {
			lines <- fmt.Sprintf(`{"row":["c",%d]}`, i)
		}
		close(lines)
	}()
	out, _, err := runClient(cfg, "", "S")
	got := strings.Split(out, "\n")
	if err != nil || len(got) != 3*fitRows+3 || got[3*fitRows] != fmt.Sprintf("c     %d", 3*fitRows-1) || got[3*fitRows+1] != "(300 rows)" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPushFails(t *testing.T) {
	for last, want := range map[string]string{
		"break": "the answer broke off after 1 row: unexpected EOF",
		`{"error":{"message":"the view was dropped"}}`: "the view was dropped",
		`{"row":[`: "the answer broke off after 1 row: unexpected end of JSON input",
	} {
		cfg, lines, _ := pushCore(t)
		go func() {
			lines <- `{"row":["Oslo",7]}`
			lines <- last
			if last != "break" {
				close(lines)
			}
		}()
		out, _, err := runClient(cfg, "", "S")
		if err == nil || err.Error() != want || !strings.Contains(out, "Oslo  7\n") {
			t.Errorf("%s: %v\n%s", last, err, out)
		}
	}
}
