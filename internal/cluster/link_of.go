package cluster

import "strings"

// ClusterOfLink returns the cluster that an invite is of, also when the invite has expired. Errors: those of a link that cannot be read.
func ClusterOfLink(link string) (ID, error) {
	i, err := decodeLink(strings.TrimSpace(link))
	if err != nil {
		return "", err
	}
	return i.cluster(), nil
}
