package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/joho/godotenv"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const dotenvFile = ".env"

// applyEnvironment gives every flag that was not typed its value from the environment, else from .env.
func (a *app) applyEnvironment(cmd *cobra.Command) error {
	if err := a.readDotenv(); err != nil {
		return err
	}
	a.fromDotenv = map[string]bool{}
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || failed != nil {
			return
		}
		failed = a.setFromEnvironment(cmd.Flags(), f.Name)
	})
	return failed
}

func (a *app) setFromEnvironment(flags *pflag.FlagSet, name string) error {
	value, inFile := a.setting(envName(name))
	if value == "" {
		return nil
	}
	if err := flags.Set(name, value); err != nil {
		return misuse(fmt.Sprintf("cannot use %s=%q", envName(name), value), err.Error(), "correct it, or use --"+name)
	}
	a.fromDotenv[name] = inFile
	return nil
}

// setting returns a variable of the environment, else of .env; "" when neither has it.
func (a *app) setting(name string) (value string, inFile bool) {
	if value, ok := a.lookupEnv(name); ok {
		return value, false
	}
	value, ok := a.dotenv[name]
	return value, ok
}

func (a *app) readDotenv() error {
	vars, err := godotenv.Read(dotenvFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return misuse("cannot read "+dotenvFile+" in the working directory", err.Error(), "correct or remove that file")
	}
	a.dotenv = vars
	return nil
}

// envName is the variable that stands for a flag: log-level is SHOAL_LOG_LEVEL.
func envName(flag string) string {
	return "SHOAL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
