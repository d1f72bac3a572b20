package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// localSuffixes end the names that no stranger on the internet can own.
var localSuffixes = []string{".localhost", ".local", ".lan", ".home.arpa", ".internal"}

// hosts knows the names and origins under which the node may be addressed. A page of a stranger whose
// name was made to point here (DNS rebinding) is told apart by the name that its browser still sends.
type hosts struct {
	allowed map[string]bool
	// public is the origin of the public URL, such as https://films.example.org, or "".
	public string
	cross  *http.CrossOriginProtection
}

func newHosts(allow []string, publicURL string) (*hosts, error) {
	h := &hosts{allowed: make(map[string]bool), cross: http.NewCrossOriginProtection()}
	for _, name := range allow {
		host, ok := splitHost(name)
		if !ok {
			return nil, fmt.Errorf("allowed host %q is not a host name; write it like films.example.org", name)
		}
		h.allowed[host] = true
	}
	if publicURL == "" {
		return h, nil
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("public URL %q is not an address; write it like https://films.example.org", publicURL)
	}
	host, ok := splitHost(u.Host)
	if !ok {
		return nil, fmt.Errorf("public URL %q has no proper host", publicURL)
	}
	h.allowed[host] = true
	h.public = u.Scheme + "://" + strings.ToLower(u.Host)
	return h, h.cross.AddTrustedOrigin(h.public)
}

// splitHost takes the port off what a Host header says, and returns the name in lower case without a final
// dot, or the IP address without brackets.
func splitHost(hostport string) (host string, ok bool) {
	if inner, bracket := strings.CutPrefix(hostport, "["); bracket {
		host, port, closed := strings.Cut(inner, "]")
		addr, err := netip.ParseAddr(host)
		return addr.String(), closed && err == nil && addr.Is6() && isPort(port)
	}
	host = hostport
	if colon := strings.IndexByte(hostport, ':'); colon >= 0 {
		if host = hostport[:colon]; !isPort(hostport[colon:]) {
			return "", false
		}
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host, isName(host)
}

// isPort tells whether s is a colon and a number, or nothing.
func isPort(s string) bool {
	digits, colon := strings.CutPrefix(s, ":")
	return s == "" || colon && len(digits) <= 5 && strings.Trim(digits, "0123456789") == ""
}

// isName tells whether s is made of letters, digits, hyphens and underscores in labels of up to 63.
func isName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// allows tells whether the node answers to what a Host header says.
func (h *hosts) allows(hostport string) bool {
	host, ok := splitHost(hostport)
	if !ok {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil || h.allowed[host] || !strings.Contains(host, ".") {
		return true
	}
	return slices.ContainsFunc(localSuffixes, func(suffix string) bool { return strings.HasSuffix(host, suffix) })
}

// changes tells whether a request of this method may change something.
func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// upgrades tells whether a request asks for a WebSocket.
func upgrades(r *http.Request) bool {
	return strings.Contains(strings.ToLower(r.Header.Get("Upgrade")), "websocket")
}

// checkSource refuses requests that name another host, and those that a page of another origin made.
func (h *Handler) checkSource(r *http.Request) error {
	// A page can make up X-Forwarded-Host but not Host, so both must be right.
	for _, host := range []string{r.Host, about(r).host} {
		if !h.hosts.allows(host) {
			return refuse(http.StatusMisdirectedRequest, "wrong_host",
				"This node does not answer to the name %q. Open it by its IP address, or start it with --allow-host and that name.", host)
		}
	}
	if !changes(r.Method) && !upgrades(r) {
		return nil
	}
	if err := h.checkOrigin(r); err != nil {
		return &problem{
			status: http.StatusForbidden, code: "cross_origin", cause: err,
			message: "This request came from a page of another address, so it was refused. Open the node's own page and try there.",
		}
	}
	return nil
}

func (h *Handler) checkOrigin(r *http.Request) error {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	if origin == "" {
		return h.checkWithoutOrigin(r, site)
	}
	if !h.hosts.same(origin, about(r).host) {
		return fmt.Errorf("origin %q at host %q", origin, about(r).host)
	}
	if site != "" && site != "same-origin" {
		return fmt.Errorf("origin %q, yet Sec-Fetch-Site %q", origin, site)
	}
	seen := r.WithContext(r.Context())
	seen.Host = about(r).host
	return h.hosts.cross.Check(seen)
}

// checkWithoutOrigin lets programs through. Browsers name the origin of everything that changes something,
// so a cookie or an upgrade without one is no browser's doing and no program's either.
func (h *Handler) checkWithoutOrigin(r *http.Request, site string) error {
	switch {
	case site == "same-origin":
		return nil
	case site != "" && site != "none":
		return fmt.Errorf("no origin, Sec-Fetch-Site %q", site)
	case r.Header.Get("Authorization") != "":
		return nil
	case upgrades(r):
		return errors.New("upgrade without an origin")
	case h.access.hasCookie(r):
		return errors.New("cookie without an origin")
	}
	return nil
}

// same tells whether a page of that origin is one of this node's at that host.
func (h *hosts) same(origin, host string) bool {
	origin = strings.ToLower(origin)
	if h.public != "" && origin == h.public {
		return true
	}
	scheme, rest, found := strings.Cut(origin, "://")
	if !found || scheme != "http" && scheme != "https" {
		return false
	}
	defaultPort := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return strings.TrimSuffix(rest, defaultPort) == strings.TrimSuffix(strings.ToLower(host), defaultPort)
}

// proxies are the networks whose X-Forwarded headers are believed.
type proxies []netip.Prefix

func parseProxies(cidrs []string) (proxies, error) {
	var p proxies
	for _, cidr := range cidrs {
		if addr, err := netip.ParseAddr(cidr); err == nil {
			p = append(p, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q is not a network; write it like 192.168.1.0/24", cidr)
		}
		p = append(p, prefix.Masked())
	}
	return p, nil
}

func (p proxies) trust(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// apply takes client, scheme and host from the headers of a trusted proxy.
func (p proxies) apply(info *request, header http.Header) {
	if !p.trust(info.client) {
		return
	}
	if host := lastOf(header, "X-Forwarded-Host"); host != "" {
		info.host = host
	}
	if scheme := lastOf(header, "X-Forwarded-Proto"); scheme == "http" || scheme == "https" {
		info.scheme = scheme
	}
	hops := strings.Split(strings.Join(header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return
		}
		if info.client = addr.Unmap(); !p.trust(info.client) {
			return
		}
	}
}

// lastOf returns the last element of a list header: the one that the nearest proxy wrote.
func lastOf(header http.Header, name string) string {
	values := header.Values(name)
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}
