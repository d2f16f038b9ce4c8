// Package table keeps the reference tables of a plan: it reads their files, again when they change, and puts the contents where
// edges find them, a JetStream object store. A table's contents are named by what they are, so a plan that names them says exactly
// which rows its views join; who changes a plan is not decided here.
package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hexpane/hexpane/protocol/plan"
	"github.com/hexpane/hexpane/protocol/reference"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// Config of the tables.
type Config struct {
	Dir      string // files are named from here; it need not exist as long as there is no table
	MaxRows  int
	MaxBytes int64 // of a file
}

// Keeper keeps tables. It is safe for concurrent use.
type Keeper struct {
	cfg     Config
	objects jetstream.ObjectStore
	log     *slog.Logger
	rows    *prometheus.GaugeVec
	failed  *prometheus.CounterVec

	mu     sync.Mutex
	loaded map[string]*reference.Table // by the contents' name
	files  map[uint32]stamp            // by table: the file as it was looked at last
}

// stamp tells a file that changed.
type stamp struct {
	modified time.Time
	size     int64
	files    int // of a directory
}

// New makes a keeper over an object store.
func New(cfg Config, objects jetstream.ObjectStore, r prometheus.Registerer, log *slog.Logger) *Keeper {
	k := &Keeper{cfg: cfg, objects: objects, log: log, loaded: map[string]*reference.Table{}, files: map[uint32]stamp{},
		rows: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hexpane_core_table_rows", Help: "Rows of a reference table."}, []string{"table"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hexpane_core_table_failures_total",
			Help: "Times that a table's changed file could not be read; its old rows stay in force."}, []string{"table"})}
	r.MustRegister(k.rows, k.failed)
	return k
}

// Fill reads the files of the tables that have no contents yet, and says in the plan what they are.
func (k *Keeper) Fill(ctx context.Context, p *plan.Plan) error {
	for _, def := range p.Tables {
		if def.Contents != "" {
			continue
		}
		if _, err := k.load(ctx, def); err != nil {
			return err
		}
	}
	return nil
}

// Changed looks at the files of a plan's tables and gives the definitions, copies, of those that now have other contents.
func (k *Keeper) Changed(ctx context.Context, p *plan.Plan) (changed []*plan.Table) {
	for _, def := range p.Tables {
		now, err := k.look(def)
		k.mu.Lock()
		before, known := k.files[def.Id]
		k.mu.Unlock()
		if err == nil && known && now == before {
			continue
		}
		next := &plan.Table{Id: def.Id, Name: def.Name, Sql: def.Sql, Columns: def.Columns, File: def.File, Format: def.Format}
		if err == nil {
			now, err = k.load(ctx, next)
		}
		if ctx.Err() != nil {
			return changed
		}
		if err != nil && (!known || now != before) { // once for each state of the file
			k.failed.WithLabelValues(def.Name).Inc()
			k.log.Error("a table's file can't be read; its rows stay as they were", "table", def.Name, "error", err)
		}
		k.mu.Lock()
		k.files[def.Id] = now
		k.mu.Unlock()
		k.rows.WithLabelValues(def.Name).Set(float64(def.Rows))
		if err == nil && next.Contents != def.Contents {
			changed = append(changed, next)
		}
	}
	return changed
}

// Get gives a table's rows.
func (k *Keeper) Get(ctx context.Context, def *plan.Table) (*reference.Table, error) {
	k.mu.Lock()
	t := k.loaded[def.Contents]
	k.mu.Unlock()
	if t != nil {
		return t, nil
	}
	packed, err := k.objects.GetBytes(ctx, def.Contents)
	if err != nil {
		return nil, fmt.Errorf("contents of table %s: %w", def.Name, err)
	}
	if t, err = reference.Decode(def, packed); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loaded[def.Contents] = t
	return t, nil
}

// Prune forgets contents that none of the plans names. An edge that is about to read those of the plan before finds them gone, and
// the next plan on its way.
func (k *Keeper) Prune(ctx context.Context, plans ...*plan.Plan) error {
	named := func(contents string) bool {
		return slices.ContainsFunc(plans, func(p *plan.Plan) bool {
			return slices.ContainsFunc(p.Tables, func(t *plan.Table) bool { return t.Contents == contents })
		})
	}
	k.mu.Lock()
	for name := range k.loaded {
		if !named(name) {
			delete(k.loaded, name)
		}
	}
	k.mu.Unlock()
	objects, err := k.objects.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list contents of tables: %w", err)
	}
	for _, o := range objects {
		if !named(o.Name) {
			if err := k.objects.Delete(ctx, o.Name); err != nil {
				return fmt.Errorf("drop old contents of a table: %w", err)
			}
		}
	}
	return nil
}

// load reads a table's file, puts its contents where edges find them and says in def what they are.
func (k *Keeper) load(ctx context.Context, def *plan.Table) (stamp, error) {
	files, at, err := k.contents(def)
	if err != nil {
		return at, fmt.Errorf("table %s: %w", def.Name, err)
	}
	t, err := read(def, k.cfg.MaxRows, files...)
	if err != nil {
		return at, fmt.Errorf("table %s: %s: %w", def.Name, def.File, err)
	}
	packed, name, err := t.Encode()
	if err != nil {
		return at, fmt.Errorf("table %s: %s: %w", def.Name, def.File, err)
	}
	if _, err := k.objects.GetInfo(ctx, name); errors.Is(err, jetstream.ErrObjectNotFound) {
		_, err = k.objects.PutBytes(ctx, name, packed)
		if err != nil {
			return at, fmt.Errorf("table %s: put its contents where edges find them: %w", def.Name, err)
		}
	} else if err != nil {
		return at, fmt.Errorf("table %s: look for its contents: %w", def.Name, err)
	}
	def.Contents, def.Rows, def.Bytes = name, uint64(t.Len()), uint64(len(packed))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loaded[name] = t
	return at, nil
}

// look says how the file is now.
func (k *Keeper) look(def *plan.Table) (stamp, error) {
	root, err := k.root()
	if err != nil {
		return stamp{}, err
	}
	defer root.Close()
	info, err := root.Stat(def.File)
	if err != nil {
		return stamp{}, k.plain(def, err)
	}
	if info.IsDir() && def.Format == "parquet" {
		_, at, err := parquetFiles(root, def.File)
		return at, err
	}
	return stamp{modified: info.ModTime(), size: info.Size()}, nil
}

// contents reads the table's file, or all of a directory's.
func (k *Keeper) contents(def *plan.Table) ([]file, stamp, error) {
	root, err := k.root()
	if err != nil {
		return nil, stamp{}, err
	}
	defer root.Close()
	info, err := root.Stat(def.File)
	if err != nil {
		return nil, stamp{}, k.plain(def, err)
	}
	names, at := []string{def.File}, stamp{modified: info.ModTime(), size: info.Size()}
	if info.IsDir() && def.Format == "parquet" {
		if names, at, err = parquetFiles(root, def.File); err != nil {
			return nil, at, err
		}
	} else if !info.Mode().IsRegular() {
		return nil, at, fmt.Errorf("%s is no file", def.File)
	}
	var files []file
	left := k.cfg.MaxBytes
	for _, name := range names {
		data, err := readFile(root, name, left)
		if err != nil {
			return nil, at, fmt.Errorf("read %s: %w", name, err)
		}
		if left -= int64(len(data)); left < 0 {
			return nil, at, fmt.Errorf("%s has more than %d bytes (tables.max_bytes)", def.File, k.cfg.MaxBytes)
		}
		files = append(files, file{name, data})
	}
	return files, at, nil
}

// readFile reads at most one byte more than most.
func readFile(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// root opens the directory; what is opened within can't leave it, not by a link either.
func (k *Keeper) root() (*os.Root, error) {
	root, err := os.OpenRoot(k.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the directory of tables %s is not there (tables.dir): make it and put the file in", k.cfg.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("tables.dir: %w", err)
	}
	return root, nil
}

func (k *Keeper) plain(def *plan.Table, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %s in %s (tables.dir)", def.File, k.cfg.Dir)
	}
	return err
}
