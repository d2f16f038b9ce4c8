package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hexpane/hexpane/deploy"
	"github.com/hexpane/hexpane/deploy/service"
	"github.com/hexpane/hexpane/simulators/city"
	"github.com/hexpane/hexpane/simulators/citypub"
)

type demoConfig struct {
	siteConfig
	Vehicles  int           `yaml:"vehicles" default:"2000" help:"vehicles, each publishing once a second"`
	Sensors   int           `yaml:"sensors" default:"200" help:"fixed sensors, each publishing every 10 s"`
	Purchases float64       `yaml:"purchases" default:"20" help:"card purchases a second"`
	Seed      int64         `yaml:"seed" default:"1" help:"the same seed makes the same city"`
	For       time.Duration `yaml:"for" default:"0s" help:"stop after this time; 0: at Ctrl-C"`
	Progress  time.Duration `yaml:"progress" default:"5s" help:"between two progress lines; 0: none"`
}

func (c *demoConfig) Validate() error {
	if c.Vehicles < 0 || c.Vehicles > 200_000 {
		return fmt.Errorf("vehicles: %d must be 0 to 200000", c.Vehicles)
	}
	if c.Data != "" {
		return c.siteConfig.Validate()
	}
	return nil
}

func demoCommand() service.Program {
	cfg := &demoConfig{}
	cfg.Core.Map.Title, cfg.Core.Map.Lat, cfg.Core.Map.Lon, cfg.Core.Map.Zoom = "Port Meridian", city.CentreLat, city.CentreLon, 12
	cfg.Data = "-"
	cfg.Edge.ID = "demo"
	return service.Program{Name: "demo", Summary: "a simulated city, its edge, its core and its map", Config: cfg,
		Run: func(ctx context.Context, rt *service.Runtime) error { return demo(ctx, rt, cfg) }}
}

func demo(ctx context.Context, rt *service.Runtime, cfg *demoConfig) (err error) {
	if cfg.Data == "-" {
		if cfg.Data, err = os.MkdirTemp("", "hexpane-demo-"); err != nil {
			return fmt.Errorf("data: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(cfg.Data)) }()
	}
	if err := os.MkdirAll(cfg.Data, 0o750); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	statements, basemap, fences := filepath.Join(cfg.Data, "city.sql"), filepath.Join(cfg.Data, "basemap.geojson"), filepath.Join(cfg.Data, "fences.geojson")
	if err := errors.Join(os.WriteFile(statements, []byte(deploy.CitySQL), 0o600), os.WriteFile(basemap, city.Basemap(), 0o600),
		os.WriteFile(fences, city.Fences(), 0o600)); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if cfg.Core.SQL == "" {
		cfg.Core.SQL = statements
	}
	cfg.Core.Map.Basemap = basemap
	if cfg.Core.Fences.File == "" {
		cfg.Core.Fences.File = fences
	}
	s, err := start(ctx, rt, &cfg.siteConfig)
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		p := citypub.New(citypub.Config{Broker: s.edge.MQTTAddress(), City: city.Config{Seed: cfg.Seed, Vehicles: cfg.Vehicles, Sensors: cfg.Sensors},
			Purchases: cfg.Purchases, For: cfg.For, Log: rt.Log("city")})
		rt.Go("city", func(ctx context.Context) error {
			err := p.Run(ctx)
			if cfg.For > 0 {
				rt.Stop()
			}
			return err
		})
		s.announce(rt, cfg.Data)
		fmt.Fprintf(rt.Stderr, "\n  the live map:  %s\n  Ctrl-C stops.\n\n", s.core.HTTPAddress())
		if cfg.Progress > 0 {
			rt.Go("progress", func(ctx context.Context) error { progress(ctx, rt, s, p, cfg.Progress); return nil })
		}
	}
	return errors.Join(rt.Wait(), s.release())
}

// progress prints a line at each interval.
func progress(ctx context.Context, rt *service.Runtime, s *site, p *citypub.City, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		st := s.core.Status()
		watermark := "none yet"
		if st.Watermark != nil && st.EventLagMs != nil {
			watermark = fmt.Sprintf("%s (%.1f s behind)", *st.Watermark, float64(*st.EventLagMs)/1000)
		}
		fmt.Fprintf(rt.Stderr, "published %d · readings in %d (%.0f/s) · batches %d, %.1f MB, %.1f B a reading · watermark %s · viewers %d\n",
			p.Published(), st.ReadingsTotal, st.ReadingsPerS, st.BatchesTotal, float64(st.BytesTotal)/1e6, st.BytesPerReading, watermark, st.Viewers)
	}
}
