package main

import (
	"strings"
	"testing"
)

func TestBeyondLoopbackWantsNames(t *testing.T) {
	for _, c := range []struct {
		change func(*config)
		key    string
	}{
		{func(c *config) { c.MQTT.Listen = "0.0.0.0:1883" }, "mqtt.listen"},
		{func(c *config) { c.MQTT.TLS.Listen = ":8883" }, "mqtt.tls.listen"},
		{func(c *config) { c.MQTT.WebSocket.Listen = "0.0.0.0:8884" }, "mqtt.websocket.listen"},
	} {
		cfg := &config{}
		cfg.Mode, cfg.HTTP.Listen = "broker", "127.0.0.1:0"
		c.change(cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.key+": refused to listen") {
			t.Errorf("%s: %v", c.key, err)
		}
		refused := func() bool {
			err := cfg.Validate()
			return err != nil && strings.Contains(err.Error(), "refused to listen")
		}
		if cfg.MQTT.Users = map[string]string{"bus": "x"}; refused() {
			t.Errorf("%s: refused with users", c.key)
		}
		if cfg.MQTT.Users, cfg.MQTT.TLS.ClientCA = nil, "/ca.pem"; refused() {
			t.Errorf("%s: refused with clients' certificates", c.key)
		}
		if cfg.MQTT.TLS.ClientCA, cfg.Insecure = "", true; refused() {
			t.Errorf("%s: refused though --insecure", c.key)
		}
	}
}
