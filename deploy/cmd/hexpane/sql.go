package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hexpane/hexpane/deploy/service"
)

type sqlConfig struct {
	Server string `yaml:"server" default:"http://127.0.0.1:8080" help:"address of a core"`
	Token  string `yaml:"token" secret:"true" help:"the core's http.token"`
	Output string `yaml:"output" default:"table" enum:"table,csv,json" help:"form of the rows"`
}

func sqlCommand() service.Program {
	cfg := &sqlConfig{}
	return service.Program{Name: "sql", Summary: "run SQL on a core: a statement, a file on stdin, or a prompt", Args: "['STATEMENT']", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error {
			switch {
			case len(rt.Args) > 0:
				return ask(ctx, cfg, strings.Join(rt.Args, " "), rt.Stdout)
			case !terminal(rt.Stdin):
				text, err := io.ReadAll(rt.Stdin)
				if err != nil {
					return fmt.Errorf("read stdin: %w", err)
				}
				return ask(ctx, cfg, string(text), rt.Stdout)
			}
			return prompt(ctx, cfg, rt)
		}}
}

func terminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// prompt reads statements that end in ; until the input ends.
func prompt(ctx context.Context, cfg *sqlConfig, rt *service.Runtime) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(rt.Stdin); in.Scan(); {
			lines <- in.Text()
		}
	}()
	fmt.Fprintf(rt.Stdout, "%s — statements end in ; — SHOW VIEWS; is a start, Ctrl-D the end\n", cfg.Server)
	statement := ""
	for {
		if statement == "" {
			fmt.Fprint(rt.Stdout, "hexpane> ")
		} else {
			fmt.Fprint(rt.Stdout, "      -> ")
		}
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			if statement += line + "\n"; !strings.HasSuffix(strings.TrimSpace(statement), ";") {
				continue
			}
			if err := ask(ctx, cfg, statement, rt.Stdout); err != nil {
				fmt.Fprintln(rt.Stdout, "error:", err)
			}
			statement = ""
		}
	}
}

// ask sends a statement and prints the answer.
func ask(ctx context.Context, cfg *sqlConfig, statement string, w io.Writer) error {
	body, err := json.Marshal(map[string]string{"sql": statement})
	if err != nil {
		return fmt.Errorf("encode statement: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(cfg.Server, "/")+"/api/v1/sql", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if cfg.Token != "" {
		r.Header.Set("Authorization", "Bearer "+cfg.Token)
	}
	if cfg.Output == "csv" {
		r.Header.Set("Accept", "text/csv")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("no core answers at %s: %w", cfg.Server, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp.Status, text)
	}
	if cfg.Output != "table" {
		_, err := w.Write(text)
		return err
	}
	return table(w, text)
}

func refusal(status string, text []byte) error {
	var answer struct {
		Error struct {
			Message      string
			Line, Column int
		}
	}
	if json.Unmarshal(text, &answer) != nil || answer.Error.Message == "" {
		return fmt.Errorf("the core answers %s", status)
	}
	if e := answer.Error; e.Line > 0 {
		return fmt.Errorf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
	return errors.New(answer.Error.Message)
}

func table(w io.Writer, text []byte) error {
	var answer struct {
		Columns  []struct{ Name string }
		Rows     [][]json.RawMessage
		Messages []string
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	for _, m := range answer.Messages {
		fmt.Fprintln(w, m)
	}
	if len(answer.Columns) == 0 {
		return nil
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	cells := make([]string, len(answer.Columns))
	for i, c := range answer.Columns {
		cells[i] = c.Name
	}
	fmt.Fprintln(out, strings.Join(cells, "\t"))
	for _, row := range answer.Rows {
		for i, v := range row {
			var s string
			if json.Unmarshal(v, &s) == nil && string(v) != "null" {
				cells[i] = s
			} else {
				cells[i] = string(v)
			}
		}
		fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "(%d rows)\n", len(answer.Rows))
	return err
}
