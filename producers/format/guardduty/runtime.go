package guardduty

import (
	"path"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// identified tells whether a process has what OCSF asks of one: its number or its uid.
func (r *finding) identified(process node) bool {
	_, ok := r.Doc.Int(r.get(process, "pid"))
	return ok || r.str(process, "uuid") != ""
}

// processHead writes what names a process.
func (r *finding) processHead(at string, process node) {
	r.integer("pid", r.get(process, "pid"))
	r.Move("uid", r.get(process, "uuid"))
	r.MoveSeen("name", r.get(process, "name"), ocsfjson.ProcessName, at+".name")
	r.Move("path", r.get(process, "executablePath"))
}

// process writes a process with its file, user and parent.
func (r *finding) process(name, at string, process node) bool {
	if !r.identified(process) {
		return false
	}
	in := r.Open(name)
	r.processHead(at, process)
	r.millis("created_time", r.get(process, "startTime"))
	r.Move("working_directory", r.get(process, "pwd"))
	r.file("file", at+".file", r.get(process, "executablePath"), r.get(process, "executableSha256"))
	user := r.Open("user")
	ok := r.MoveSeen("name", r.get(process, "user"), ocsfjson.UserName, at+".user.name")
	if id := r.get(process, "userId"); !r.Move("uid", id) {
		if n, whole := r.Doc.Int(id); whole {
			r.Str("uid", strconv.FormatInt(n, 10))
		}
	} else if !ok {
		r.Observe(ocsfjson.UserUID, at+".user.uid", id)
	}
	r.Close(user)
	if parent := r.str(process, "parentUuid"); parent != "" {
		r.parent(at+".parent_process", parent, r.get(process, "lineage"))
	}
	return r.Close(in)
}

// parent writes the process of that uid, if it is among the ancestors.
func (r *finding) parent(at, uid string, lineage node) {
	found := false
	r.each(lineage, func(ancestor node) {
		if found || r.str(ancestor, "uuid") != uid {
			return
		}
		found = true
		in := r.Open("parent_process")
		r.processHead(at, ancestor)
		r.millis("created_time", r.get(ancestor, "startTime"))
		r.Close(in)
	})
}

// file writes a file by its path, and its hash.
func (r *finding) file(name, at string, file, hash node) {
	text := r.Doc.Str(file)
	base := path.Base(strings.ReplaceAll(text, `\`, "/"))
	if text == "" {
		return
	}
	in := r.Open(name)
	r.Str("name", base)
	r.ObserveText(ocsfjson.FileName, at+".name", base)
	r.Move("path", file)
	r.Lit(`"type":"Regular File","type_id":1`)
	r.hashes(at, hash)
	r.Close(in)
}

// hashes writes a hash whose kind its length tells.
func (r *finding) hashes(at string, hash node) {
	algorithm := ""
	switch len(r.Doc.Str(hash)) {
	case 0:
		return
	case 32:
		algorithm = `"algorithm":"MD5","algorithm_id":1`
	case 40:
		algorithm = `"algorithm":"SHA-1","algorithm_id":2`
	case 64:
		algorithm = `"algorithm":"SHA-256","algorithm_id":3`
	default:
		algorithm = `"algorithm":"Unknown","algorithm_id":0`
	}
	list := r.List("hashes")
	in := r.Open("")
	r.Lit(algorithm)
	r.MoveSeen("value", hash, ocsfjson.Hash, at+".hashes[0].value")
	r.Close(in)
	r.Close(list)
}

// runtime writes the process that a runtime finding is about, unless another element has it: those of connections and DNS requests.
func (w *evidences) runtime(details node) {
	if w.n > 0 || w.Doc.Kind(details) != ocsfjson.Object {
		return
	}
	w.element(w.runtimeParts)
}

// runtimeParts writes process, container and the file in question.
func (w *evidences) runtimeParts(at string) bool {
	details := w.at(w.service, "runtimeDetails")
	context := w.get(details, "context")
	ok := w.process("process", at+".process", w.get(details, "process"))
	for _, f := range [...]struct{ file, hash string }{
		{"threatFilePath", ""}, {"modulePath", "moduleSha256"}, {"moduleFilePath", "moduleSha256"}, {"scriptPath", ""}, {"libraryPath", ""},
		{"runcBinaryPath", ""}, {"releaseAgentPath", ""},
	} {
		if file := w.get(context, f.file); w.Doc.Str(file) != "" {
			w.file("file", at+".file", file, w.get(context, f.hash))
			ok = true
			break
		}
	}
	if ok {
		w.container(w.get(w.resource, "containerDetails"))
	}
	return ok
}

// container writes a container and its image.
func (r *finding) container(container node) {
	if r.str(container, "id") == "" && r.str(container, "name") == "" {
		return
	}
	at := r.Open("container")
	r.Copy("uid", r.get(container, "id"))
	r.Copy("name", r.get(container, "name"))
	r.Copy("runtime", r.get(container, "containerRuntime"))
	if image := r.get(container, "image"); r.Doc.Str(image) != "" {
		in := r.Open("image")
		r.Copy("uid", image)
		r.Copy("name", image)
		r.Close(in)
	}
	r.Close(at)
}
