// Package memory is what programs with large heaps ask of the system.
package memory
