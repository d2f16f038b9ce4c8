package core

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hexpane/hexpane/core/notify"
	"github.com/hexpane/hexpane/core/sql"
	"github.com/hexpane/hexpane/protocol/value"
)

// TestScripts runs testdata/*.sql: what views show, as readings come in and watermarks move. A script is SQL, one statement a line or over
// several up to a ;, and lines of its own:
//
//	INSERT INTO stream VALUES (…)    is a reading that reaches the core by the edge named last
//	EDGE south                       the readings and watermarks below come from this edge (north at first)
//	WATERMARK '10:00:10'             the edge expects nothing older any more; of all streams, or WATERMARK '10:00:10' orders, of one
//	CRASH                            the core is killed and starts again
//	FENCE id 0,0 to 1,1 {…}          an operator draws a rectangle, from longitude and latitude to longitude and latitude, with these properties
//	UNFENCE id                       and deletes it
//	INSIDE id                        who is in it now
//	ALERTS                           the alerts that are pending, firing or acknowledged
//	ACK name key by                  an operator takes care of one
//	TOLD                             what was put into the queue of the channel desk since the last time
//	LISTEN SELECT … EMIT CHANGES;    a push query; HEARD gives its rows since the last time, by their text
//
// Times of day are those of 2026-01-01, UTC. What SELECT answers stands behind it in lines that begin with -->, in order of their text unless
// there is an ORDER BY. After a change made on purpose: HEXPANE_UPDATE=1 go test ./core -run TestScripts
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runScript(t, file) })
	}
}

var timeOfDay = regexp.MustCompile(`'(\d\d:\d\d:\d\d(\.\d+)?)'`)

const scriptDay = "2026-01-01T"

func runScript(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	check(t, err)
	s := &script{field: newField(t, 3), edge: "north"}
	defer func() { s.close() }()
	var out []string
	var want, statement []string
	var block []string // lines that a statement's answer follows
	flush := func() {
		if block == nil {
			return
		}
		got := s.run(strings.Join(statement, "\n"))
		for i := range got {
			got[i] = strings.TrimRight(got[i], " ")
		}
		if !slices.Equal(got, want) && os.Getenv("HEXPANE_UPDATE") == "" {
			t.Errorf("%s\n  gives\n%s\n  not\n%s", strings.Join(statement, "\n"), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		out = append(out, block...)
		for _, line := range got {
			out = append(out, strings.TrimRight("--> "+line, " "))
		}
		block, statement, want = nil, nil, nil
	}
	open := false
	for _, line := range strings.Split(strings.TrimRight(string(raw), "\n"), "\n") {
		answer, isAnswer := strings.CutPrefix(line, "-->")
		trimmed := strings.TrimSpace(line)
		switch {
		case isAnswer:
			want = append(want, strings.TrimPrefix(answer, " "))
		case !open && (trimmed == "" || strings.HasPrefix(trimmed, "--")):
			flush()
			out = append(out, line)
		default:
			if !open {
				flush()
			}
			block, statement = append(block, line), append(statement, line)
			first, _, _ := strings.Cut(trimmed, " ")
			own := slices.Contains([]string{"EDGE", "WATERMARK", "CRASH", "HEARD", "FENCE", "UNFENCE", "INSIDE", "ALERTS", "ACK", "TOLD"}, first)
			open = !own && !strings.HasSuffix(trimmed, ";")
		}
	}
	flush()
	if os.Getenv("HEXPANE_UPDATE") != "" {
		check(t, os.WriteFile(file, []byte(strings.Join(out, "\n")+"\n"), 0o600))
	}
}

type script struct {
	*field
	edge string
	push *listener
}

func (s *script) run(text string) []string {
	text = timeOfDay.ReplaceAllString(text, "'"+scriptDay+"${1}Z'")
	words := strings.Fields(text)
	switch words[0] {
	case "EDGE":
		s.edge = words[1]
		return nil
	case "CRASH":
		s.crash()
		s.push = nil // it ended with the core
		return nil
	case "FENCE":
		if err := s.fence(words[1:]); err != nil {
			return []string{err.Error()}
		}
		return nil
	case "UNFENCE":
		check(s.t, s.core.fences.DeleteFence(s.t.(*testing.T).Context(), words[1], ""))
		s.settle()
		return nil
	case "INSIDE":
		var in []string
		for _, d := range s.core.fences.where.inside(words[1]) {
			in = append(in, d.Device)
		}
		return []string{strings.Join(in, " ")}
	case "ALERTS":
		var rows []string
		for _, a := range s.core.standing.list() {
			rows = append(rows, shortTimes(fmt.Sprint(a.def.Name, " ", keyText([]byte(a.Key)), " ", a.State, " since ", value.FormatTime(a.Since), " ", a.By)))
		}
		return rows
	case "ACK":
		return s.ack(words[1], words[2], words[3])
	case "TOLD":
		var rows []string
		var keys [][]byte
		check(s.t, s.core.store.Notices("desk", 1000, func(key, text []byte) error {
			n, err := notify.ReadNotice(text)
			tail, _ := strings.CutPrefix(n.ID, n.AlertID+"-")
			rows = append(rows, shortTimes(fmt.Sprint(n.Alert, " ", n.Key, " ", tail, " at ", value.FormatTime(n.At.UnixMicro()), " ", n.By)))
			keys = append(keys, slices.Clone(key))
			return err
		}))
		check(s.t, s.core.store.DropNotices(keys))
		return rows
	case "LISTEN":
		statements, err := sql.Parse(strings.TrimPrefix(text, "LISTEN "))
		if err == nil {
			err = s.listen(statements[0].(*sql.Select))
		}
		if err != nil {
			return []string{err.Error()}
		}
		return nil
	case "HEARD":
		return s.heard()
	case "WATERMARK":
		at, err := value.Parse(value.Type{Kind: value.Timestamp}, strings.Trim(words[1], "'"))
		check(s.t, err)
		marks := map[uint32]int64{}
		for _, st := range s.core.catalog.plan().Streams {
			if len(words) < 3 || st.Name == words[2] {
				marks[st.Id] = at.Int()
			}
		}
		if len(marks) == 0 {
			s.t.Fatal("no stream ", words[2])
		}
		s.send(s.edge, marks)
		return nil
	}
	statements, err := sql.Parse(text)
	if err != nil {
		return []string{err.Error()}
	}
	st := statements[0]
	switch x := st.(type) {
	case *sql.Insert:
		def, rows, err := sql.InsertRows(s.core.catalog.plan(), x, s.now)
		if err != nil {
			return []string{err.Error()}
		}
		var readings []reading
		for _, row := range rows {
			readings = append(readings, reading{def, row})
		}
		s.send(s.edge, nil, readings...)
		return nil
	case *sql.Select, *sql.Show, *sql.Explain, *sql.DescribeStatement:
		rows, err := s.ask(text)
		if err != nil {
			return []string{err.Error()}
		}
		if sel, ok := st.(*sql.Select); ok && sel.OrderBy == nil {
			slices.Sort(rows)
		}
		for i := range rows {
			rows[i] = strings.ReplaceAll(strings.ReplaceAll(rows[i], scriptDay, ""), "Z", "")
		}
		return rows
	}
	if _, err := s.do(st); err != nil {
		return []string{fmt.Sprint("error: ", err)}
	}
	return nil
}

func shortTimes(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, scriptDay, ""), "Z", "")
}

// ack acknowledges as POST …/ack does, but for the waiting.
func (s *script) ack(name, key, by string) []string {
	for _, a := range s.core.standing.list() {
		if a.def.Name != name || keyText([]byte(a.Key)) != key {
			continue
		}
		ask := &acknowledging{rule: a.def.Id, key: a.Key, id: a.ID, by: by, done: make(chan struct{})}
		p := s.core.partitions[a.partition]
		p.asked = append(p.asked, ask)
		s.turn(p)
		<-ask.done
		return []string{fmt.Sprint("acknowledged: ", ask.fires)}
	}
	return []string{"no such alert"}
}

// fence draws a rectangle.
func (s *script) fence(words []string) error {
	var w, south, e, n float64
	_, err := fmt.Sscanf(words[1]+" "+words[3], "%g,%g %g,%g", &w, &south, &e, &n)
	check(s.t, err)
	properties := strings.Join(words[4:], " ")
	if properties == "" {
		properties = "{}"
	}
	body := fmt.Sprintf(`{"type":"Feature","properties":%s,"geometry":{"type":"Polygon","coordinates":[[[%g,%g],[%g,%g],[%g,%g],[%g,%g],[%g,%g]]]}}`,
		properties, w, south, e, south, e, n, w, n, w, south)
	_, _, _, err = s.core.fences.PutFence(s.t.(*testing.T).Context(), words[0], []byte(body), "")
	s.settle()
	return err
}

// listen starts a push query, and ends the one before.
func (s *script) listen(st *sql.Select) error {
	old := s.core.catalog.plan()
	q, next, id, err := sql.CompilePush(old, st, s.now)
	if err != nil {
		return err
	}
	if s.push != nil {
		s.core.pushes.remove(s.push)
		if s.push.watch != 0 {
			next = sql.Unwatch(next, s.push.watch)
		}
	}
	s.push = &listener{query: q, watch: id, rows: make(chan []value.Value, 100), ended: make(chan struct{})}
	s.core.pushes.add(s.push)
	s.core.catalog.current.Store(next)
	s.core.catalog.changed(old, next)
	s.settle()
	return nil
}

func (s *script) heard() (rows []string) {
	for {
		select {
		case row := <-s.push.rows:
			rows = append(rows, strings.ReplaceAll(strings.ReplaceAll(rowText(row), scriptDay, ""), "Z", ""))
			continue
		default:
		}
		select {
		case <-s.push.ended:
			rows = append(rows, "ended: "+s.push.why.Error())
		default:
		}
		slices.Sort(rows)
		return rows
	}
}
