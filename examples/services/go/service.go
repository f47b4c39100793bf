// A service behind the gateway, with nothing but Go's standard library.
//
//	go run service.go PORT GATEWAY...
//
// GATEWAY is a CIDR range. See docs/GUARD.md for what a service must do, and why.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

type identity struct {
	ID    string   `json:"id"`
	Roles []string `json:"roles"`
}

type refusal struct {
	status       int
	code, detail string
}

func (r *refusal) Error() string { return r.code }

var (
	notFromGateway = &refusal{403, "not_from_gateway", "This service is called through its gateway."}
	malformed      = &refusal{400, "identity_malformed", "The identity headers are malformed."}
	tokenMissing   = &refusal{401, "token_missing", "A bearer token is required."}
	forbidden      = &refusal{403, "forbidden", "The caller may not perform this request."}
)

// Printable ASCII without a comma: all that the gateway writes for one value.
var encoded = regexp.MustCompile(`^[\x20-\x2b\x2d-\x7e]+$`)

func decode(value string) (string, error) {
	if !encoded.MatchString(value) || strings.TrimSpace(value) != value {
		return "", malformed
	}
	text, err := url.PathUnescape(value) // leaves "+" alone, unlike QueryUnescape
	if err != nil || !utf8.ValidString(text) {
		return "", malformed
	}
	return text, nil
}

// readIdentity returns the caller, or nil when the gateway verified nobody.
func readIdentity(headers http.Header) (*identity, error) {
	users, roles := headers.Values("X-User-ID"), headers.Values("X-User-Roles")
	if len(users) > 1 || len(roles) > 1 || (len(users) == 0 && len(roles) > 0) {
		return nil, malformed
	}
	if len(users) == 0 {
		return nil, nil
	}
	id, err := decode(users[0])
	if err != nil {
		return nil, err
	}
	caller := &identity{ID: id, Roles: []string{}}
	for _, list := range roles {
		// Split first, then decode: an item may hold an encoded comma.
		for _, item := range strings.Split(list, ",") {
			role, err := decode(item)
			if err != nil {
				return nil, err
			}
			caller.Roles = append(caller.Roles, role)
		}
	}
	return caller, nil
}

func handle(request *http.Request, gateways []netip.Prefix) (*identity, error) {
	// The connection's other end. Never X-Forwarded-For, which anybody can write.
	peer, err := netip.ParseAddrPort(request.RemoteAddr)
	if err != nil || !anyOf(gateways, func(g netip.Prefix) bool { return g.Contains(peer.Addr().Unmap()) }) {
		return nil, notFromGateway
	}
	caller, err := readIdentity(request.Header)
	if err != nil {
		return nil, err
	}
	if request.URL.Path == "/admin" {
		if caller == nil {
			return nil, tokenMissing
		}
		if !anyOf(caller.Roles, func(role string) bool { return role == "admin" }) {
			return nil, forbidden
		}
	}
	return caller, nil
}

func anyOf[T any](items []T, holds func(T) bool) bool {
	for _, item := range items {
		if holds(item) {
			return true
		}
	}
	return false
}

func main() {
	var gateways []netip.Prefix
	for _, text := range os.Args[2:] {
		gateways = append(gateways, netip.MustParsePrefix(text))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		caller, err := handle(request, gateways)
		response.Header().Set("Cache-Control", "no-store")
		var refused *refusal
		if !errors.As(err, &refused) {
			response.Header().Set("Content-Type", "application/json")
			json.NewEncoder(response).Encode(caller)
			return
		}
		if refused.status == http.StatusUnauthorized {
			response.Header().Set("WWW-Authenticate", `Bearer realm="service"`)
		}
		response.Header().Set("Content-Type", "application/problem+json")
		response.WriteHeader(refused.status)
		json.NewEncoder(response).Encode(map[string]any{
			"type": "about:blank", "title": http.StatusText(refused.status), "status": refused.status,
			"detail": refused.detail, "code": refused.code,
		})
	})))
}
