package service

import (
	"io"
	"log/slog"
)

type logConfig struct {
	Level  string `yaml:"level" default:"info" enum:"debug,info,warn,error" flag:"log-level" help:"the least that is logged"`
	Format string `yaml:"format" default:"text" enum:"text,json" flag:"log-format" help:"form of the log"`
}

func (c logConfig) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		panic(err) // the enum tag lets nothing else in
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
