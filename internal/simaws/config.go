package simaws

import (
	"encoding/json"
	"net/http"
)

const configTarget = "StarlingDoveService."

// serveConfig answers for AWS Config, which records nothing in this account.
func (a *AWS) serveConfig(w http.ResponseWriter) {
	f := refuse(http.StatusBadRequest, "NoAvailableConfigurationRecorderException", "There are no configuration recorders available.")
	a.note("config", "GetResourceConfigHistory", false, f)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": f.code, "message": f.message}) // who is gone needs no answer
}
