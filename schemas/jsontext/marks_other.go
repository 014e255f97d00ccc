//go:build !amd64 || purego

package jsontext

// Mark finds no marks on this kind of processor: strings are looked through as they come.
func Mark([]byte, Marks) (m Marks, ascii bool) { return nil, false }
