package producers

// Attributes of a record that could not be taken out of its container: the loop hands it to no format but makes it a dead letter.
const (
	AttrProblem = "problem" // why this is not a record; its Data are the bytes found there, or the first DeadLetterBytes of them
	AttrLength  = "length"  // length in bytes of what Data is the beginning of
	AttrSHA256  = "sha256"  // SHA-256 in hex of what Data is the beginning of
)

// DeadLetterBytes is how much of an oversized record a dead letter keeps.
const DeadLetterBytes = 64 << 10
