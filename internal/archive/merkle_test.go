package archive

import (
	"encoding/hex"
	"testing"
)

// naive is RFC 6962, section 2.1, word by word.
func naive(leaves [][]byte) Hash {
	switch n := len(leaves); n {
	case 0:
		return sumText(nil)
	case 1:
		return leafHash(leaves[0])
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		return nodeHash(naive(leaves[:k]), naive(leaves[k:]))
	}
}

func TestTree(t *testing.T) {
	var leaves [][]byte
	tree := tree{}
	for n := range 130 {
		if got, want := tree.root(), naive(leaves); got != want {
			t.Fatalf("%d leaves: %s, %s expected", n, got, want)
		}
		leaf := []byte{byte(n), byte(n >> 8)}
		leaves = append(leaves, leaf)
		tree.add(leafHash(leaf))
	}
}

// TestTreeVectors holds the tree against what other implementations of RFC 6962 get for eight leaves.
func TestTreeVectors(t *testing.T) {
	leaves := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	tree := tree{}
	for n := 0; ; n++ {
		if want, ok := roots[n]; ok && tree.root().String() != want {
			t.Errorf("%d leaves: %s, %s expected", n, tree.root(), want)
		}
		if n == len(leaves) {
			return
		}
		leaf, err := hex.DecodeString(leaves[n])
		if err != nil {
			t.Fatal(err)
		}
		tree.add(leafHash(leaf))
	}
}
