package app

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// confirm asks a question of whoever runs a command, and tells whether the answer is yes. That nobody answers is an error.
func (a *App) confirm(command, question string) (bool, error) {
	fmt.Fprint(a.Out, question, " [y/N] ")
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	answer = strings.TrimSpace(answer)
	if strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes") {
		return true, nil
	}
	fmt.Fprintln(a.Out)
	if err != nil && answer == "" {
		return false, misuse{errors.New(command + ": nobody answers; --yes does not ask")}
	}
	fmt.Fprintln(a.Out, "nothing was done")
	return false, nil
}
