package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEverySDKHasAFolderOfItsOwn(t *testing.T) {
	taken := make(map[string]bool)
	for _, tt := range [][2]string{
		{"reference", "reference"},
		{"browser:v1/sdk.js", "browser-v1-sdk.js"},
		{"browser:v1-sdk.js", "browser-v1-sdk.js-2"},
		{"browser:V1/sdk.js", "browser-V1-sdk.js-3"},
		{"browser:../sdk.js", "browser-..-sdk.js"},
		{"exec:node 'my adapter.js' --port=3 ", "exec-node-my-adapter.js-port-3"},
		{"exec:" + strings.Repeat("x", 300), "exec-" + strings.Repeat("x", 55)},
		{"exec:..", "exec"},
	} {
		require.Equal(t, tt[1], folderOf(tt[0], taken), tt[0])
	}
}
