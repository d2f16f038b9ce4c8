package influx

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/domain"
)

// prepare makes the bucket, or 1.8's database and retention policy, if it is not there. What is there stays as it is, since a shorter retention deletes.
func (s *Sink) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if s.cfg.Org == "" {
		return s.prepareDatabase(ctx)
	}
	return s.prepareBucket(ctx)
}

func (s *Sink) prepareBucket(ctx context.Context) error {
	org, err := s.client.OrganizationsAPI().FindOrganizationByName(ctx, s.cfg.Org)
	if err != nil {
		return fmt.Errorf("find organisation %q (influx.org): %w", s.cfg.Org, err)
	}
	name := s.cfg.Bucket
	found, err := s.client.APIClient().GetBuckets(ctx, &domain.GetBucketsParams{Name: &name, OrgID: org.Id})
	if err != nil && !strings.HasPrefix(err.Error(), string(domain.ErrorCodeNotFound)+":") {
		return fmt.Errorf("find bucket %q (influx.bucket): %w", name, err)
	}
	if err == nil && found.Buckets != nil && len(*found.Buckets) > 0 {
		has := time.Duration(0)
		if rules := (*found.Buckets)[0].RetentionRules; len(rules) > 0 {
			has = time.Duration(rules[0].EverySeconds) * time.Second
		}
		s.compare(has)
		return nil
	}
	var rules []domain.RetentionRule
	if s.cfg.Retention > 0 {
		rules = append(rules, domain.RetentionRule{EverySeconds: int64(s.cfg.Retention / time.Second)})
	}
	if _, err := s.client.BucketsAPI().CreateBucketWithName(ctx, org, name, rules...); err != nil {
		return fmt.Errorf("make bucket %q (influx.create; the token must be allowed to): %w", name, err)
	}
	s.log.Info("a bucket was made in InfluxDB", "url", s.cfg.URL, "bucket", name, "retention", s.cfg.Retention)
	return nil
}

func (s *Sink) prepareDatabase(ctx context.Context) error {
	database, policy := DatabaseOf(s.cfg.Bucket)
	rows, err := s.ask(ctx, "SHOW DATABASES")
	if err != nil {
		return fmt.Errorf("look for database %q (influx.bucket): %w", database, err)
	}
	length := "INF"
	if s.cfg.Retention > 0 {
		length = strconv.FormatInt(int64(s.cfg.Retention/time.Second), 10) + "s"
	}
	if !slices.ContainsFunc(rows, func(r []string) bool { return r[0] == database }) {
		if _, err = s.ask(ctx, fmt.Sprintf("CREATE DATABASE %s WITH DURATION %s REPLICATION 1 NAME %s", ident(database), length, ident(policy))); err == nil {
			s.log.Info("a database was made in InfluxDB", "url", s.cfg.URL, "database", database, "policy", policy, "retention", s.cfg.Retention)
		}
		return err
	}
	if rows, err = s.ask(ctx, "SHOW RETENTION POLICIES ON "+ident(database)); err != nil {
		return fmt.Errorf("look for retention policy %q (influx.bucket): %w", policy, err)
	}
	for _, r := range rows {
		if r[0] == policy {
			has, err := time.ParseDuration(r[1])
			s.compare(has)
			return err
		}
	}
	_, err = s.ask(ctx, fmt.Sprintf("CREATE RETENTION POLICY %s ON %s DURATION %s REPLICATION 1", ident(policy), ident(database), length))
	if err == nil {
		s.log.Info("a retention policy was made in InfluxDB", "url", s.cfg.URL, "database", database, "policy", policy, "retention", s.cfg.Retention)
	}
	return err
}

func (s *Sink) compare(has time.Duration) {
	if has != s.cfg.Retention {
		s.log.Warn("InfluxDB keeps points for another time than influx.retention says; it is left as it is, since a shorter one deletes: change it there, or in the configuration",
			"url", s.cfg.URL, "bucket", s.cfg.Bucket, "keeps", has, "influx.retention", s.cfg.Retention)
	}
}

// DatabaseOf is the database and the retention policy that a bucket is in 1.8.
func DatabaseOf(bucket string) (database, policy string) {
	database, policy, _ = strings.Cut(bucket, "/")
	if policy == "" {
		policy = "autogen"
	}
	return database, policy
}

// ask runs a statement of InfluxQL that manages, and gives the values of its rows as texts.
func (s *Sink) ask(ctx context.Context, statement string) (rows [][]string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.URL+"/query", strings.NewReader(url.Values{"q": {statement}}.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.cfg.Token != "" {
		req.Header.Set("Authorization", "Token "+s.cfg.Token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error   string
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", statement, resp.Status, err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", statement, answer.Error)
	}
	for _, r := range answer.Results {
		if r.Error != "" {
			return nil, fmt.Errorf("%s: %s", statement, r.Error)
		}
		for _, series := range r.Series {
			for _, values := range series.Values {
				row := make([]string, len(values))
				for i, v := range values {
					row[i] = fmt.Sprint(v)
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// ident quotes a name of InfluxQL.
func ident(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}
