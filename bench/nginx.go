package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nginxConfig makes nginx as good as it gets for this work: files by sendfile, open ones remembered.
const nginxConfig = `daemon off;
pid %[1]s/nginx.pid;
error_log stderr error;
worker_processes auto;
%[3]s
events { worker_connections 4096; }
http {
  types {
    text/html html; text/javascript js; application/vnd.apple.mpegurl m3u8;
    video/mp4 mp4 m4s; image/jpeg jpg;
  }
  default_type application/octet-stream;
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  open_file_cache max=10000 inactive=60s;
  open_file_cache_valid 60s;
  gzip on;
  gzip_types text/javascript application/vnd.apple.mpegurl;
  gzip_static on;
  server {
    listen %[2]s;
    root %[1]s/root;
    location ~ \.(js|mp4|m4s)$ { expires max; }
  }
}
`

// nginx is a running nginx, with the folder that it serves.
type nginx struct {
	*process
	root string
	base string
}

// startNginx runs nginx over an empty folder.
func (l *lab) startNginx() (*nginx, error) {
	dir, err := l.folder("nginx")
	if err != nil {
		return nil, err
	}
	path, err := program("nginx")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress(loopback)
	if err != nil {
		return nil, err
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // its workers must be able to read the folder
	}
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, address, user), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(root, "up.html"), []byte("up"), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess(path, "-p", dir, "-c", config)
	if err != nil {
		return nil, err
	}
	n := &nginx{process: p, root: root, base: "http://" + address}
	if err := l.answers(n.base+"/up.html", p); err != nil {
		p.stop()
		return nil, err
	}
	return n, nil
}

// keep puts content under a path of a URL.
func (n *nginx) keep(path string, content []byte) error {
	file := filepath.Join(n.root, filepath.FromSlash(strings.TrimPrefix(path, "/")))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

// keepPacked is keep, with the content compressed as well as it gets beside it.
func (n *nginx) keepPacked(path string, content []byte) error {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := n.keep(path+".gz", packed.Bytes()); err != nil {
		return err
	}
	return n.keep(path, content)
}

// copyFrom copies what the paths name from a node, and returns the sizes.
func (n *nginx) copyFrom(b *box, paths []string) (sizes map[string]int, err error) {
	sizes = make(map[string]int)
	for _, path := range paths {
		content, err := b.get(path)
		if err == nil {
			sizes[path] = len(content)
			err = n.keep(path, content)
		}
		if err != nil {
			return nil, err
		}
	}
	return sizes, nil
}
