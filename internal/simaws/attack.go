package simaws

import "time"

// The account that examples/attack tells of.
const (
	AttackAccount = "111122223333"
	AttackRegion  = "eu-central-1"
	AttackIPSet   = "riposte-blocked"
	AttackIPSetV6 = "riposte-blocked-v6"
)

// Attack returns an account as the attack in examples/attack leaves it, so that there is something to put right: what the records say was
// done is done.
func Attack(now func() time.Time) *AWS {
	const (
		vpc  = "vpc-0ac0de00000000001"
		web  = "sg-0ac0de00000000001"
		admn = "sg-0ac0de00000000002"
	)
	a := New(AttackAccount, AttackRegion, now)

	a.AddBucket("acme-parking", Bucket{Encryption: Encryption{Algorithm: "AES256"}})          // created by the attacker, as S3 does it by itself
	a.AddBucket("acme-customer-exports", Bucket{Encryption: Encryption{Algorithm: "AES256"}}) // stripped of its KMS key
	a.AddBucket("acme-invoices", Bucket{Encryption: Encryption{Algorithm: "AES256"}})         // AWS Config complains of it
	a.AddBucket("acme-website", Bucket{Encryption: Encryption{Algorithm: "aws:kms", BucketKey: true}})

	a.AddSecurityGroup(web, SecurityGroup{Name: "web", VPC: vpc})
	a.AddSecurityGroup(admn, SecurityGroup{Name: "administrator", VPC: vpc})
	for n, id := range []string{"i-0bad0000000000001", "i-0bad0000000000002", "i-0bad0000000000003"} {
		a.AddInstance(id, Instance{
			VPC: vpc, Subnet: "subnet-0ac0de00000000001", Interface: "eni-0bad000000000000" + itoa(n+1), PrivateIP: "10.20.1.4" + itoa(n+1),
			Groups: []string{web},
		})
	}

	const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	a.AddPolicy("acme-ci-deploy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::acme-website/*"}]}`, everything)
	a.AddInlinePolicy("user", "mallory", "maintenance", everything)

	a.AddIPSet(IPSet{Name: AttackIPSet, Scope: "REGIONAL", Version: "IPV4"})
	a.AddIPSet(IPSet{Name: AttackIPSetV6, Scope: "REGIONAL", Version: "IPV6"})
	a.AddTopic("security-alerts")
	return a
}
