package table

import (
	"strings"

	"github.com/riposte-security/riposte/schemas"
)

// declared says how an attribute is written in infrastructure code: what stands in a resource of Terraform, and under Properties in CloudFormation. Both may have
// several lines; yaml is empty for what CloudFormation cannot say.
func declared(resource, attribute, hcl, yaml string) *schemas.Code {
	c := &schemas.Code{
		Attribute: attribute, Resources: []string{resource},
		HCL: "\nresource \"" + resource + "\" \"{{ .Name }}\" {\n  # what stands here stays\n" + indented(hcl, "  ") + "\n}",
	}
	if yaml != "" {
		c.YAML = "\n{{ .Name }}:\n  Properties:\n" + indented(yaml, "    ")
	}
	return c
}

// ofBucket is declared for what Terraform has a resource of its own for, beside the bucket's.
func ofBucket(resource, attribute, hcl, yaml string) *schemas.Code {
	c := declared(resource, attribute, "bucket = {{ quote .Target.ID }}\n\n"+hcl, yaml)
	c.Resources = append(c.Resources, "aws_s3_bucket")
	return c
}

// ofUser is declared for an inline policy that a user is to have.
func ofUser(attribute, policy, document string) *schemas.Code {
	return &schemas.Code{
		Attribute: attribute, Resources: []string{"aws_iam_user"},
		HCL:  "\nresource \"aws_iam_user_policy\" \"{{ .Name }}-" + policy + "\" {\n  name   = \"" + policy + "\"\n  user   = {{ quote .Target.ID }}\n  policy = jsonencode(" + document + ")\n}",
		YAML: "\n{{ .Name }}:\n  Properties:\n    Policies:\n      # what stands here stays\n      - PolicyName: " + policy + "\n        PolicyDocument: " + document,
	}
}

// publicBlock is what Terraform and CloudFormation call the four attributes that block public access.
const (
	publicBlockHCL  = "block_public_acls       = true\nblock_public_policy     = true\nignore_public_acls      = true\nrestrict_public_buckets = true"
	publicBlockYAML = "PublicAccessBlockConfiguration:\n  BlockPublicAcls: true\n  BlockPublicPolicy: true\n  IgnorePublicAcls: true\n  RestrictPublicBuckets: true"
)

// tlsOnly is the statement that s3-require-tls adds.
func tlsOnly() *schemas.Code {
	return &schemas.Code{
		Attribute: "policy, which should deny what does not come by TLS", Resources: []string{"aws_s3_bucket_policy", "aws_s3_bucket"},
		HCL: `
resource "aws_s3_bucket_policy" "{{ .Name }}" {
  bucket = {{ quote .Target.ID }}

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # what stands here stays
      {
        Sid       = "` + tlsSid + `"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::{{ .Target.ID }}", "arn:aws:s3:::{{ .Target.ID }}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}`,
		YAML: `
{{ .Name }}Policy: # or the policy that it has, with what stands there
  Type: AWS::S3::BucketPolicy
  Properties:
    Bucket: !Ref {{ .Name }}
    PolicyDocument:
      Version: "2012-10-17"
      Statement:
        - Sid: ` + tlsSid + `
          Effect: Deny
          Principal: "*"
          Action: "s3:*"
          Resource:
            - !GetAtt {{ .Name }}.Arn
            - !Sub "${ {{- .Name -}} .Arn}/*"
          Condition:
            Bool:
              "aws:SecureTransport": "false"`,
	}
}

func indented(text, by string) string {
	return strings.ReplaceAll(by+strings.ReplaceAll(text, "\n", "\n"+by), by+"\n", "\n")
}
