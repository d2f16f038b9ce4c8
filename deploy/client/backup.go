package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
)

// BackupConfig says which core is to write a backup.
type BackupConfig struct {
	Server string `yaml:"server" default:"http://127.0.0.1:8080" help:"address of a core"`
	Token  string `yaml:"token" secret:"true" help:"the core's http.token"`
}

// Backup lets the core write a backup, and prints where. dir is a name, or a directory on the core's machine that lies in its backup.dir.
func Backup(ctx context.Context, cfg *BackupConfig, dir string, p Process) error {
	name := dir
	if strings.ContainsRune(dir, filepath.Separator) {
		var err error
		if name, err = filepath.Abs(dir); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return fmt.Errorf("encode %s: %w", dir, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(cfg.Server, "/")+"/api/v1/backup", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if cfg.Token != "" {
		r.Header.Set("Authorization", "Bearer "+cfg.Token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("no core answers: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Path  string
		Error struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s answers %s: %w", cfg.Server, resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", answer.Error.Message)
	}
	_, err = fmt.Fprintln(p.Stdout, answer.Path)
	return err
}
