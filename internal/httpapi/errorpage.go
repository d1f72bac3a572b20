package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"
)

const errorStyle = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}h1{font-size:1.4rem}`

const errorPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s · Shoal</title>
<style>` + errorStyle + `</style>
<h1>%s</h1>
<p>%s</p>
<p><a href="/">To the library</a></p>
`

// errorPolicy allows the one style that stands in the page, by its hash.
var errorPolicy = func() string {
	sum := sha256.Sum256([]byte(errorStyle))
	return strings.Replace(policy, "style-src 'self'", "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", 1)
}()

// writeErrorPage answers a browser that goes to an address.
func writeErrorPage(w http.ResponseWriter, p *problem) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", errorPolicy)
	w.WriteHeader(p.status)
	title := html.EscapeString(http.StatusText(p.status))
	fmt.Fprintf(w, errorPage, title, title, html.EscapeString(p.message))
}
