package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/server/api"
)

// keyFlags say where keys lie and how they are opened.
type keyFlags struct {
	dir, passwordFile string
}

func (f *keyFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.dir, "keys", "", "directory of your keys (default: HALLMARK_KEYS, or hallmark/keys in your configuration directory)")
	cmd.PersistentFlags().StringVar(&f.passwordFile, "password-file", "", "file with the key's password (default: HALLMARK_KEY_PASSWORD, or asked)")
}

func (f *keyFlags) directory(a *app) (string, error) {
	if dir := first(f.dir, a.getenv("HALLMARK_KEYS")); dir != "" {
		return dir, nil
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", hallmark.WithHint(fmt.Errorf("key directory: %w: %w", err, errUsage), "pass --keys DIRECTORY")
	}
	return filepath.Join(base, "hallmark", "keys"), nil
}

// password reads the key's password from the file, the environment or the terminal.
func (f *keyFlags) password(a *app, prompt string) ([]byte, error) {
	if f.passwordFile != "" {
		raw, err := os.ReadFile(f.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("password file: %w: %w", err, errUsage)
		}
		return bytes.TrimRight(raw, "\r\n"), nil
	}
	if p := a.getenv("HALLMARK_KEY_PASSWORD"); p != "" {
		return []byte(p), nil
	}
	if stdin, ok := a.in.(*os.File); ok && term.IsTerminal(int(stdin.Fd())) {
		fmt.Fprint(a.errw, prompt)
		p, err := term.ReadPassword(int(stdin.Fd()))
		fmt.Fprintln(a.errw)
		if err != nil {
			return nil, fmt.Errorf("reading the password: %w: %w", err, errUsage)
		}
		return p, nil
	}
	return nil, hallmark.WithHint(fmt.Errorf("no password for the key: %w", errUsage), "pass --password-file, or set HALLMARK_KEY_PASSWORD")
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// load opens a private key, given by name in the key directory or by path.
func (f *keyFlags) load(a *app, nameOrPath string) (*sign.Key, error) {
	path := nameOrPath
	if keyName.MatchString(nameOrPath) && !strings.HasSuffix(nameOrPath, ".key") {
		dir, err := f.directory(a)
		if err != nil {
			return nil, err
		}
		path = filepath.Join(dir, nameOrPath+".key")
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, hallmark.WithHint(fmt.Errorf("key %s: %w", path, hallmark.ErrNotFound), "make one: hallmark key new NAME")
	}
	if err != nil {
		return nil, fmt.Errorf("key: %w: %w", err, errUsage)
	}
	password, err := f.password(a, "Password of "+path+": ")
	if err != nil {
		return nil, err
	}
	key, err := sign.LoadKey(raw, password)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return key, nil
}

func (a *app) keyCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make, list, export and register the keys that sign your lineage", Args: args(cobra.NoArgs)}
	var f keyFlags
	f.add(cmd)
	cmd.AddCommand(a.keyNewCmd(&f), a.keyListCmd(&f), a.keyExportCmd(&f), a.keyRegisterCmd(&f))
	return cmd
}

type keyView struct {
	Name string `json:"name"`
	ID   string `json:"id"` // hex SHA-256 of the PEM: the hint in bundles
	Path string `json:"path"`
}

func (a *app) keyNewCmd(f *keyFlags) *cobra.Command {
	return &cobra.Command{
		Use: "new NAME", Short: "Make a P-256 key pair; the private key is encrypted in cosign's format", Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, names []string) error {
			if !keyName.MatchString(names[0]) {
				return fmt.Errorf("key name %q: want letters, digits and ._-: %w", names[0], errUsage)
			}
			dir, err := f.directory(a)
			if err != nil {
				return err
			}
			password, err := f.password(a, "New password: ")
			if err != nil {
				return err
			}
			private, public, err := sign.GenerateKey(password)
			if err != nil {
				return err
			}
			path := filepath.Join(dir, names[0]+".key")
			if err := writeKeyPair(path, private, public); err != nil {
				return err
			}
			view := keyView{names[0], hallmark.DigestOf(public).Hex(), path}
			return a.print(view, func(w io.Writer) { fmt.Fprintf(w, "%s\t%s\t%s\n", view.Name, view.ID, view.Path) })
		},
	}
}

// writeKeyPair stores a pair as PATH and the same with .pub; it never overwrites a key.
func writeKeyPair(path string, private, public []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	for _, file := range []struct {
		path string
		text []byte
		mode os.FileMode
	}{{path, private, 0o600}, {publicPath(path), public, 0o644}} {
		out, err := os.OpenFile(file.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, file.mode)
		if errors.Is(err, os.ErrExist) {
			return hallmark.WithHint(fmt.Errorf("key file %s is there already: %w", file.path, hallmark.ErrConflict), "choose another name")
		}
		if err != nil {
			return fmt.Errorf("key file: %w", err)
		}
		_, err = out.Write(file.text)
		if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
			return fmt.Errorf("key file: %w", err)
		}
	}
	return nil
}

func publicPath(private string) string { return strings.TrimSuffix(private, ".key") + ".pub" }

func (a *app) keyListCmd(f *keyFlags) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List your keys", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			dir, err := f.directory(a)
			if err != nil {
				return err
			}
			paths, err := filepath.Glob(filepath.Join(dir, "*.pub"))
			if err != nil {
				return fmt.Errorf("key directory: %w", err)
			}
			views := []keyView{}
			for _, p := range paths {
				text, err := os.ReadFile(p)
				if err != nil {
					return fmt.Errorf("key file: %w", err)
				}
				views = append(views, keyView{strings.TrimSuffix(filepath.Base(p), ".pub"), hallmark.DigestOf(text).Hex(), p})
			}
			return a.print(views, func(w io.Writer) {
				for _, v := range views {
					fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, v.ID, v.Path)
				}
			})
		},
	}
}

// publicKey reads a public key by name, or by the path of either half.
func (f *keyFlags) publicKey(a *app, nameOrPath string) ([]byte, error) {
	path := publicPath(nameOrPath)
	if keyName.MatchString(nameOrPath) && filepath.Ext(nameOrPath) != ".pub" {
		dir, err := f.directory(a)
		if err != nil {
			return nil, err
		}
		path = filepath.Join(dir, nameOrPath+".pub")
	}
	if filepath.Ext(nameOrPath) == ".pub" {
		path = nameOrPath
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, hallmark.WithHint(fmt.Errorf("public key: %w: %w", err, hallmark.ErrNotFound), "see your keys: hallmark key list")
	}
	if _, err := sign.ParsePublicKey(text); err != nil {
		return nil, fmt.Errorf("public key %s: %w", path, err)
	}
	return text, nil
}

func (a *app) keyExportCmd(f *keyFlags) *cobra.Command {
	return &cobra.Command{
		Use: "export NAME", Short: "Print a public key as PEM", Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, names []string) error {
			text, err := f.publicKey(a, names[0])
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		},
	}
}

func (a *app) keyRegisterCmd(f *keyFlags) *cobra.Command {
	var server serverFlags
	var role string
	cmd := &cobra.Command{
		Use: "register NAME", Short: "Register a public key for your API key, so that the server takes what is signed with it: lineage, or reviews", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			text, err := f.publicKey(a, names[0])
			if err != nil {
				return err
			}
			c, err := server.client(a)
			if err != nil {
				return err
			}
			var k hallmark.SigningKey
			if err := c.call(cmd.Context(), http.MethodPost, "/api/v1/keys", api.KeyRequest{PublicPEM: string(text), Role: hallmark.KeyRole(role)}, &k); err != nil {
				return err
			}
			return a.print(k, func(w io.Writer) { fmt.Fprintf(w, "registered\t%s\t%s\n", k.Hint, k.Role) })
		},
	}
	server.add(cmd)
	cmd.Flags().StringVar(&role, "role", string(hallmark.KeySubmitter), "what the key signs: submitter or reviewer")
	return cmd
}
