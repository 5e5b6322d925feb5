package browser

import (
	"fmt"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

// Script is a Web SDK: a file that defines the global AgoraRTC, and the files that it imports.
type Script struct {
	Files fs.FS
	Name  string // in Files; a name in .mjs is a module, as everywhere
}

// Site serves the page with a script in it.
func (s Script) Site() http.Handler {
	kind := ""
	if path.Ext(s.Name) == ".mjs" {
		kind = ` type="module"`
	}
	page := fmt.Sprintf("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>proxyspec</title>\n<link rel=\"icon\" href=\"data:,\">\n<script%s src=\"/sdk/%s\"></script>\n<body>\n",
		kind, html.EscapeString(s.Name))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	})
	mux.HandleFunc("GET /sdk/{file...}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("file")
		if ext := path.Ext(name); ext != ".js" && ext != ".mjs" && ext != ".wasm" {
			http.NotFound(w, r)
			return
		}
		text, err := fs.ReadFile(s.Files, name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		_, _ = w.Write(text)
	})
	return mux
}
