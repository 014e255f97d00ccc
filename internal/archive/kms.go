package archive

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/sign"
)

// kmsSigner signs with a key that never leaves AWS KMS.
type kmsSigner struct {
	clients    *cloud.Clients
	region, id string

	mu     sync.Mutex
	public ed25519.PublicKey // once asked
}

// KMSKey signs with a key in AWS KMS: of the spec ECC_NIST_EDWARDS25519, for SIGN_VERIFY. id is its id, alias or ARN.
func KMSKey(clients *cloud.Clients, region, id string) Signer {
	return &kmsSigner{clients: clients, region: region, id: id}
}

// Sign implements Signer: Ed25519 over the message itself, as RFC 8032 has it.
func (k *kmsSigner) Sign(ctx context.Context, message []byte) ([]byte, error) {
	client, err := k.clients.KMS(ctx, "", k.region)
	if err != nil {
		return nil, err
	}
	out, err := client.Sign(ctx, &kms.SignInput{
		KeyId: &k.id, Message: message, MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEd25519Sha512,
	})
	if err != nil {
		return nil, fmt.Errorf("KMS key %s: %w", k.id, cloud.Classify(err))
	}
	return out.Signature, nil
}

// Public implements Signer.
func (k *kmsSigner) Public(ctx context.Context) (ed25519.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.public != nil {
		return k.public, nil
	}
	client, err := k.clients.KMS(ctx, "", k.region)
	if err != nil {
		return nil, err
	}
	out, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: aws.String(k.id)})
	if err != nil {
		return nil, fmt.Errorf("KMS key %s: %w", k.id, cloud.Classify(err))
	}
	keys, err := sign.ParsePublic(base64.StdEncoding.EncodeToString(out.PublicKey))
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("KMS key %s: %w", k.id, err))
	}
	k.public = keys[0]
	return k.public, nil
}
