package accounts

import (
	"fmt"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/strict"
	"github.com/proxyspec/proxyspec/text/tree"
)

// Parse reads a file's text. An error names every mistake in it.
func Parse(name string, source []byte) ([]relay.Account, error) {
	r, root := strict.YAML(name, source)
	var list []relay.Account
	lines := make(map[string]int)
	r.Fields(root, "the accounts file", map[string]func(*tree.Node){
		"accounts": func(n *tree.Node) {
			r.Items(n, "accounts", func(n *tree.Node) {
				a := account(r, n)
				if first, ok := lines[a.AppID]; ok && a.AppID != "" {
					r.Wrong(n, "account %q is on line %d already: keep one", a.AppID, first)
				}
				lines[a.AppID] = n.Line
				list = append(list, a)
			})
		},
	}, "accounts")
	return list, r.Err()
}

func account(r *strict.Reader, n *tree.Node) (a relay.Account) {
	what := "an account"
	if id := n.Field("app-id").Value(); id != "" {
		what = fmt.Sprintf("account %q", id)
	}
	r.Fields(n, what, map[string]func(*tree.Node){
		"app-id":    func(n *tree.Node) { a.AppID = r.Text(n, "app-id") },
		"regions":   func(n *tree.Node) { a.Regions = r.Texts(n, "regions", "a region") },
		"scale":     func(n *tree.Node) { a.Scale = r.Whole(n, "scale", 1) },
		"operators": func(n *tree.Node) { a.Operators = r.Texts(n, "operators", "an operator") },
		"set": func(n *tree.Node) {
			a.Set = relay.Set(r.Word(n, "set", string(relay.TestSet), string(relay.ProductionSet)))
		},
	}, "app-id", "regions", "scale", "operators", "set")
	return a
}
