// Command hexpane is everything in one process: a small site's deployment, the demo, and the SQL client.
package main

import "github.com/hexpane/hexpane/deploy/service"

func main() {
	service.Main(service.Program{Name: "hexpane", Summary: "telemetry from MQTT to a live map, by SQL: edge and core in one process",
		Commands: []service.Program{demoCommand(), runCommand(), sqlCommand(), exportCommand(), backupCommand(), restoreCommand()}})
}
