//go:build !race

package app

// sampled is one in how many rules the differential tests look at.
const sampled = 6
