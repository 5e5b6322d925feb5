package browser

// FindWhole finds a Chromium that is more than its headless shell.
func FindWhole() (string, error) { return find(whole) }
