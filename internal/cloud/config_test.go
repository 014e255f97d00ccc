package cloud

import (
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
)

func TestConfig(t *testing.T) {
	const template = "assume_role: 'arn:aws:iam::{account}:role/riposte'\n"
	tests := []struct{ yaml, want string }{ // want: a part of the error, "" for none
		{"", ""},
		{"region: eu-central-1", ""},
		{"region: us-gov-west-1", ""},
		{"region: frankfurt", "region"},
		{"region: eu-central-1.example.org/a", "region"},
		{template + "external_id: x-1\nallow_accounts: ['111122223333']", ""},
		{template + "allow_accounts: ['*']", ""},
		{template + "account_roles: {'111122223333': {external_id: '-'}}", ""},
		{"account_roles: {'111122223333': {assume_role: 'arn:aws-cn:iam::111122223333:role/path/riposte'}}", ""},
		{template, "allow_accounts has to name"},
		{"assume_role: riposte\nallow_accounts: ['*']", "arn:aws:iam::{account}:role/riposte"},
		{"assume_role: arn:aws:iam::123456789012:role/riposte\nallow_accounts: ['*']", "assume_role"},
		{"assume_role: 'arn:aws:iam::{account}:role/'\nallow_accounts: ['*']", "assume_role"},
		{"assume_role: 'arn:aws:iam::{account}:role/a {account}'\nallow_accounts: ['*']", "assume_role"},
		{"allow_accounts: ['*']", "only with assume_role"},
		{"external_id: xx", "only with assume_role"},
		{template + "external_id: 'two words'\nallow_accounts: ['*']", "external_id"},
		{template + "allow_accounts: [11112222333]", "twelve digits in quotes"},
		{template + "account_roles: {'1111': {}}", "twelve digits in quotes"},
		{"account_roles: {'111122223333': {}}", "there is no template"},
		{"account_roles: {'111122223333': {assume_role: 'arn:aws:iam::444455556666:role/riposte'}}", "a role in that account"},
		{template + "account_roles: {'111122223333': {external_id: ' '}}", "external_id"},
		{template + "account_roles: {'111122223333': {region: x}}", `unknown field "region"`},
		{"session: {name: riposte-prod, source_identity: riposte@prod, duration: 15m, tags: {team: security}, per_command: true}", ""},
		{"session: {name: " + strings.Repeat("a", 64) + "}", ""},
		{"session: {name: " + strings.Repeat("a", 32) + ", per_command: true}", "2 to 31"},
		{"session: {name: 'a b'}", "session name"},
		{"session: {source_identity: 'aws:x'}", "source_identity"},
		{"session: {duration: 1m}", "duration"},
		{"session: {tags: {'aws:x': y}}", "tags"},
		{"session: {tags: {x: '<y>'}}", "tags"},
		{"own_addresses: {accounts: ['111122223333'], regions: [eu-central-1], refresh: 5m, max_age: 1h}", ""},
		{"own_addresses: {accounts: [me], regions: [there]}", "twelve digits"},
		{"own_addresses: {refresh: 1s}", "refresh"},
		{"own_addresses: {refresh: 2h, max_age: 1h}", "max_age"},
		{"timeout: -1s", "timeout"},
		{"timeout: 1h", "timeout"},
	}
	for _, tt := range tests {
		node, err := config.Parse("riposte.yaml", []byte(tt.yaml))
		if err != nil {
			t.Fatal(err)
		}
		var c Config
		err = node.Decode(&c)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n%v; %q expected", tt.yaml, err, tt.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := Config{OwnAddresses: OwnAddresses{Refresh: 6 * time.Hour}}.withDefaults()
	if c.Timeout != 10*time.Second || c.Session.Name != "riposte" || c.Session.Duration != time.Hour || c.OwnAddresses.MaxAge != 12*time.Hour {
		t.Errorf("%+v", c)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestRoleOfAccount(t *testing.T) {
	template := Config{AssumeRole: "arn:aws:iam::{account}:role/riposte", ExternalID: "common", AllowAccounts: []string{"111122223333"}, AccountRoles: map[string]Role{
		"444455556666": {AssumeRole: "arn:aws:iam::444455556666:role/odd"},
		"555566667777": {ExternalID: "theirs"},
		"666677778888": {ExternalID: "-"},
	}}
	anybody := Config{AssumeRole: "arn:aws:iam::{account}:role/riposte", AllowAccounts: []string{"*"}}
	tests := []struct {
		conf               Config
		account            string
		arn, external, err string
	}{
		{template, "111122223333", "arn:aws:iam::111122223333:role/riposte", "common", ""},
		{template, "444455556666", "arn:aws:iam::444455556666:role/odd", "common", ""},
		{template, "555566667777", "arn:aws:iam::555566667777:role/riposte", "theirs", ""},
		{template, "666677778888", "arn:aws:iam::666677778888:role/riposte", "", ""},
		{template, "777788889999", "", "", "AWS account 777788889999 is not allowed: it stands neither in allow_accounts nor in account_roles"},
		{anybody, "777788889999", "arn:aws:iam::777788889999:role/riposte", "", ""},
		{Config{}, "777788889999", "", "", "no assume_role is configured"},
	}
	for _, tt := range tests {
		arn, external, err := tt.conf.role(tt.account)
		if arn != tt.arn || external != tt.external || (err == nil) != (tt.err == "") {
			t.Errorf("%s: %s, %q, %v", tt.account, arn, external, err)
		}
		if err != nil && (!fault.IsPermanent(err) || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %v", tt.account, err)
		}
	}
}
