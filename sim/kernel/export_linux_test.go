package kernel

// EndIdle ends the processes that wait for another cell.
func EndIdle() {
	idle.Lock()
	defer idle.Unlock()
	for _, k := range idle.keepers {
		k.end()
	}
	idle.keepers = nil
}

// Idle is how many there are.
func Idle() int {
	idle.Lock()
	defer idle.Unlock()
	return len(idle.keepers)
}
