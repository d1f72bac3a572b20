package httpapi

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// minToken is the least length of an admin token: 32 characters of base64 are 192 bits.
	minToken = 32
	// sessionTime is how long a browser stays signed in.
	sessionTime = 30 * 24 * time.Hour
	// sessionNonce is the number of random bytes in a cookie, which tell sessions apart.
	sessionNonce = 16
)

// The roles that a request may have. Whoever shows nothing is a viewer.
const (
	roleAdmin  = "admin"
	roleViewer = "viewer"
)

// access knows who may do what: the admin token, links that are used once, and the cookies of browsers that
// showed one of them. Cookies are not stored; they carry their role and end, signed with a key that
// follows from the admin token, so a new token ends all sessions.
type access struct {
	tokenSum [sha256.Size]byte
	key      []byte
	cookie   string
	now      func() time.Time
	keys     *onceKeys
	attempts *attempts
}

func newAccess(token, nodeID string, now func() time.Time) (*access, error) {
	key, err := hkdf.Key(sha256.New, []byte(token), []byte(nodeID), "shoal session cookie v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive session key: %w", err)
	}
	id := sha256.Sum256([]byte(nodeID))
	return &access{
		tokenSum: sha256.Sum256([]byte(token)), key: key, now: now,
		// Browsers share cookies between the ports of a host, so two nodes on a machine need two names.
		cookie: "shoal_" + hex.EncodeToString(id[:4]),
		keys:   newOnceKeys(now), attempts: newAttempts(now),
	}, nil
}

// ticketKey returns the key that viewers' tickets are signed with; it follows from the token as that of cookies does.
func ticketKey(token, nodeID string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(token), []byte(nodeID), "shoal viewer ticket v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive ticket key: %w", err)
	}
	return key, nil
}

// isToken tells in constant time whether s is the admin token.
func (a *access) isToken(s string) bool {
	sum := sha256.Sum256([]byte(s))
	return subtle.ConstantTimeCompare(sum[:], a.tokenSum[:]) == 1
}

// admit lets a request through to a route, or says why not.
func (h *Handler) admit(rt route, r *http.Request) error {
	if rt.rights == open {
		return nil
	}
	role, err := h.access.role(r)
	if err != nil || rt.rights == reader || role == roleAdmin {
		return err
	}
	return refuse(http.StatusUnauthorized, "unauthorized",
		"Only the admin may do this. Open the node's admin link (shoal link prints a new one), or send the admin token as Authorization: Bearer.")
}

// role returns what a request's token or cookie makes it. A token that is wrong is an error, because its
// sender means something by it; a cookie that is wrong or too old is none.
func (a *access) role(r *http.Request) (string, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "Bearer") && a.isToken(strings.TrimSpace(token)) {
			return roleAdmin, nil
		}
		// The right token is let in all the same: it cannot be guessed, and strangers behind the same
		// address must not be able to lock the admin out.
		if _, err := a.attempts.take(about(r).client); err != nil {
			return "", err
		}
		return "", refuse(http.StatusUnauthorized, "bad_token", "The token is not the right one. The admin token lies in the file admin.token in the node's data directory.")
	}
	for _, cookie := range r.CookiesNamed(a.cookie) {
		if role, err := a.openCookie(cookie.Value); err == nil {
			return role, nil
		}
	}
	return roleViewer, nil
}

func (a *access) hasCookie(r *http.Request) bool { return len(r.CookiesNamed(a.cookie)) > 0 }

// sealCookie makes the value of a session cookie: role|end|random, then its MAC.
func (a *access) sealCookie(role string, end time.Time) string {
	var nonce [sessionNonce]byte
	_, _ = rand.Read(nonce[:]) // never fails
	payload := role + "|" + strconv.FormatInt(end.Unix(), 10) + "|" + hex.EncodeToString(nonce[:])
	encoded := base64.RawURLEncoding.EncodeToString([]byte(payload))
	return encoded + "." + a.sign(encoded)
}

// sign returns the MAC of text, in base64.
func (a *access) sign(text string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// openCookie returns the role in a cookie that sealCookie made and that has not ended.
func (a *access) openCookie(value string) (role string, err error) {
	encoded, mac, _ := strings.Cut(value, ".")
	if !hmac.Equal([]byte(mac), []byte(a.sign(encoded))) {
		return "", errors.New("open session cookie: wrong signature")
	}
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("open session cookie: %w", err)
	}
	role, rest, _ := strings.Cut(string(payload), "|")
	text, _, _ := strings.Cut(rest, "|")
	end, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return "", fmt.Errorf("open session cookie: %w", err)
	}
	if !a.now().Before(time.Unix(end, 0)) {
		return "", errors.New("open session cookie: it has ended")
	}
	return role, nil
}

// setCookie signs a browser in, or out with an empty role.
func (a *access) setCookie(w http.ResponseWriter, r *http.Request, role string) {
	cookie := &http.Cookie{
		Name: a.cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: about(r).scheme == "https", MaxAge: -1,
	}
	if role != "" {
		cookie.Value, cookie.MaxAge = a.sealCookie(role, a.now().Add(sessionTime)), int(sessionTime/time.Second)
	}
	http.SetCookie(w, cookie)
}
