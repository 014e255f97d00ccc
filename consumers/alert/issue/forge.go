package issue

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// A Forge is where a project keeps its issues, as far as forges differ.
type Forge struct {
	Kind     string // of receiver
	url      string // of the API of the public installation
	project  string // a regular expression for the name of a project
	projects string // what that is, for people
	tokens   string // what a token has to be good for
	text     string // the field with the text of an issue
	number   string // the field with its number
	page     string // the field with its address
	open     string // its state while it is open
	path     func(project string) string
	labels   func(labels []string) any
	sign     func(h http.Header, token string)
}

// GitHub is GitHub and GitHub Enterprise Server, https://docs.github.com/en/rest/issues/issues.
func GitHub() Forge {
	return Forge{
		Kind: "github", url: "https://api.github.com", project: `^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`, projects: "owner/repository",
		tokens: "a token that may read and write the issues of the repository", text: "body", number: "number", page: "html_url", open: "open",
		path:   func(project string) string { return "/repos/" + project + "/issues" },
		labels: func(labels []string) any { return labels },
		sign: func(h http.Header, token string) {
			h.Set("Authorization", "Bearer "+token)
			h.Set("Accept", "application/vnd.github+json")
			h.Set("X-GitHub-Api-Version", "2022-11-28")
		},
	}
}

// GitLab is GitLab, https://docs.gitlab.com/api/issues/.
func GitLab() Forge {
	return Forge{ //nolint:gosec // what a token has to be good for is no token
		Kind: "gitlab", url: "https://gitlab.com", project: `^([0-9]+|[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+)$`, projects: "group/project, or its number",
		tokens: "a token with scope api, of a role that may open issues in the project", text: "description", number: "iid", page: "web_url", open: "opened",
		path:   func(project string) string { return "/api/v4/projects/" + url.PathEscape(project) + "/issues" },
		labels: func(labels []string) any { return strings.Join(labels, ",") },
		sign:   func(h http.Header, token string) { h.Set("PRIVATE-TOKEN", token) },
	}
}

// perPage is the most that both forges give at once.
const perPage = 100

// query asks for a page of the issues that riposte has opened, whatever became of them, the newest first.
func query(page int) string {
	return url.Values{"state": {"all"}, "labels": {label}, "per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}.Encode()
}

// An opened issue is one that the forge has.
type opened struct {
	number, page, text string
	open               bool
}

func (f Forge) read(r gjson.Result) opened {
	return opened{r.Get(f.number).Raw, r.Get(f.page).String(), r.Get(f.text).String(), r.Get("state").String() == f.open}
}
