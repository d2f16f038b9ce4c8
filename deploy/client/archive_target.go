package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// target takes files by name, with / between folders. A file is there whole or not at all, also after a kill.
type target interface {
	// get gives a small file; nil if there is none.
	get(ctx context.Context, name string) ([]byte, error)
	// spool makes a file of this machine for what is to be put below dir.
	spool(dir string) (*os.File, error)
	// put gives what was written to f its name; what had it is replaced.
	put(ctx context.Context, name string, f *os.File) error
	// name is a file's, for people.
	name(name string) string
}

func openTarget(cfg *ArchiveConfig, to string) (target, error) {
	rest, ok := strings.CutPrefix(to, "s3://")
	if !ok {
		if strings.Contains(to, "://") {
			return nil, fmt.Errorf("%s: an archive is a directory, or s3://BUCKET/PREFIX", to)
		}
		return folder(to), nil
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("endpoint: %q is no address such as https://s3.example.org", cfg.Endpoint)
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_ACCESS_KEY") == "" {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the environment; an s3:// target needs them")
	}
	c, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewEnvAWS(), Secure: u.Scheme == "https", Region: cfg.Region})
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return &objects{client: c, bucket: bucket, prefix: prefix}, nil
}

// maxManifest is how much of a manifest is read: 1440 parts take a tenth of it.
const maxManifest = 4 << 20

// folder is a directory.
type folder string

func (d folder) name(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

func (d folder) get(_ context.Context, name string) ([]byte, error) {
	f, err := os.Open(d.name(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxManifest))
}

// spool is hidden in the directory that the file is to lie in. What a kill left there is removed: nobody else writes there.
func (d folder) spool(dir string) (*os.File, error) {
	at := d.name(dir)
	if err := os.MkdirAll(at, 0o755); err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(globbed(at), ".*.part"))
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		_ = os.Remove(name) // hidden, and only a waste
	}
	return os.CreateTemp(at, ".*.part")
}

func globbed(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

func (d folder) put(_ context.Context, name string, f *os.File) error {
	if err := errors.Join(f.Chmod(0o644), f.Close(), os.Rename(f.Name(), d.name(name))); err != nil {
		return err
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) { // each may be new
		if err := syncDir(d.name(dir)); err != nil || dir == "." {
			return err
		}
	}
}

// objects are those of an S3-compatible server, where an object is there once its upload is complete.
type objects struct {
	client         *minio.Client
	bucket, prefix string
}

func (o *objects) name(name string) string { return "s3://" + o.bucket + "/" + o.prefix + name }

func (o *objects) get(ctx context.Context, name string) ([]byte, error) {
	obj, err := o.client.GetObject(ctx, o.bucket, o.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	text, err := io.ReadAll(io.LimitReader(obj, maxManifest))
	if code := minio.ToErrorResponse(err).Code; code == minio.NoSuchKey {
		return nil, nil
	} else if code == minio.NoSuchBucket {
		return nil, fmt.Errorf("there is no bucket %s", o.bucket)
	}
	return text, err
}

func (o *objects) spool(string) (*os.File, error) { return os.CreateTemp("", "hexpane-export-*.part") }

// partBytes is the size from which on, and in pieces of which, an object is uploaded piece by piece.
const partBytes = 16 << 20

func (o *objects) put(ctx context.Context, name string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if info.Size() > partBytes { // the pieces of one that a kill ended are paid for until they are removed
		if err := o.client.RemoveIncompleteUpload(ctx, o.bucket, o.prefix+name); err != nil {
			return err
		}
	}
	kind := "application/vnd.apache.parquet"
	if path.Ext(name) == ".json" {
		kind = "application/json"
	}
	_, err = o.client.PutObject(ctx, o.bucket, o.prefix+name, f, info.Size(), minio.PutObjectOptions{ContentType: kind, PartSize: partBytes, NumThreads: 2})
	return err
}

// discard removes a spooled file, unless it was put.
func discard(f *os.File) {
	_ = f.Close()           // it was closed if it was put; and nobody wants it otherwise
	_ = os.Remove(f.Name()) // it has another name if it was put
}
