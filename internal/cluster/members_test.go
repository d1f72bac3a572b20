package cluster_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"shoal/internal/cluster"
	"shoal/internal/placement"
)

// membersOf returns the members of ann's cluster, who began it.
func membersOf(t testing.TB, changed func(gained, lost []placement.NodeID)) *cluster.Members {
	t.Helper()
	return cluster.NewMembers(chain(t, "home", "ann"), changed)
}

func admit(t testing.TB, m *cluster.Members, all ...*cluster.Certificate) {
	t.Helper()
	for _, c := range all {
		if _, err := m.Admit(c); err != nil {
			t.Fatal(err)
		}
	}
}

func removal(t testing.TB, m *cluster.Members, name string) cluster.Removal {
	t.Helper()
	r, err := m.Removal(idOf(name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhoIsCertifiedIsAMember(t *testing.T) {
	m := membersOf(t, nil)
	if news, err := m.Admit(chain(t, "home", "ann", "ben")); err != nil || !news || !m.Has(idOf("ben")) {
		t.Errorf("news %v, %v", news, err)
	}
	if news, err := m.Admit(chain(t, "home", "ann", "ben")); err != nil || news {
		t.Errorf("again: news %v, %v", news, err)
	}
	if _, err := m.Admit(chain(t, "elsewhere", "cyd")); !errors.Is(err, cluster.ErrOtherCluster) || m.Has(idOf("cyd")) {
		t.Errorf("of another cluster: %v", err)
	}
}

func TestARemovalBeatsTheCertificateAndANewSerialBeatsTheRemoval(t *testing.T) {
	m := membersOf(t, nil)
	old := chain(t, "home", "ann", "ben")
	admit(t, m, old)
	m.Remove(removal(t, m, "ben"))
	if m.Has(idOf("ben")) || !m.Removed(idOf("ben")) {
		t.Error("he is still there")
	}
	if _, err := m.Admit(old); !errors.Is(err, cluster.ErrRemoved) {
		t.Errorf("with the certificate of before: %v", err)
	}
	if got := m.NextSerial(idOf("ben")); got != 2 {
		t.Fatalf("next serial %d", got)
	}
	again, err := chain(t, "home", "ann").Certify(identityOf("ann"), idOf("ben"), 2, issued)
	if err != nil {
		t.Fatal(err)
	}
	admit(t, m, again)
	if !m.Has(idOf("ben")) || m.Removed(idOf("ben")) {
		t.Error("he did not come back")
	}
}

func TestARemovalThatComesBeforeTheCertificateWins(t *testing.T) {
	m, late := membersOf(t, nil), membersOf(t, nil)
	ben := chain(t, "home", "ann", "ben")
	admit(t, m, ben)
	late.Remove(removal(t, m, "ben"))
	if _, err := late.Admit(ben); !errors.Is(err, cluster.ErrRemoved) {
		t.Errorf("%v", err)
	}
}

func TestWhomARemovedNodeAdmittedBeforeStaysAndWhomAfterwardsDoesNot(t *testing.T) {
	m := membersOf(t, nil)
	cyd, dot := chain(t, "home", "ann", "ben", "cyd"), chain(t, "home", "ann", "ben", "cyd", "dot")
	admit(t, m, chain(t, "home", "ann", "ben"), cyd, dot)
	m.Remove(removal(t, m, "ben"))
	if want := []placement.NodeID{idOf("ann"), idOf("cyd"), idOf("dot")}; !slices.Equal(m.All(), slices.Sorted(slices.Values(want))) {
		t.Errorf("members are %v, want %v", m.All(), want)
	}
	// Those who stayed may certify others, and the removed one nobody, also not through a friend.
	if _, err := m.Admit(chain(t, "home", "ann", "ben", "cyd", "eve")); err != nil {
		t.Errorf("admitted by cyd: %v", err)
	}
	for _, names := range [][]string{{"ann", "ben", "fay"}, {"ann", "ben", "fay", "gus"}} {
		if _, err := m.Admit(chain(t, "home", names...)); !errors.Is(err, cluster.ErrRemoved) {
			t.Errorf("certified through %v: %v", names, err)
		}
	}
}

func TestALinkOfAnOldCertificateDoesNotFitANewOne(t *testing.T) {
	m := membersOf(t, nil)
	admit(t, m, chain(t, "home", "ann", "ben"))
	m.Remove(removal(t, m, "ben"))
	// ben, removed, certifies fay; then he comes back with serial 2, and she hangs his old word for her on his new chain.
	again, err := chain(t, "home", "ann").Certify(identityOf("ann"), idOf("ben"), 2, issued)
	if err != nil {
		t.Fatal(err)
	}
	admit(t, m, again)
	forged := cluster.Splice(again, chain(t, "home", "ann", "ben", "fay"))
	if _, err := cluster.ReadCertificate(forged.Encode()); !errors.Is(err, cluster.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestWhoComesAndGoesIsTold(t *testing.T) {
	var came, went []placement.NodeID
	m := membersOf(t, func(gained, lost []placement.NodeID) { came, went = append(came, gained...), append(went, lost...) })
	admit(t, m, chain(t, "home", "ann", "ben"))
	r := removal(t, m, "ben")
	m.Remove(r)
	m.Remove(r)
	if want := []placement.NodeID{idOf("ben")}; !slices.Equal(came, want) || !slices.Equal(went, want) {
		t.Errorf("came %v, went %v", came, went)
	}
}

func TestARemovalIsReadAsItWasWritten(t *testing.T) {
	m := membersOf(t, nil)
	admit(t, m, chain(t, "home", "ann", "ben"), chain(t, "home", "ann", "ben", "cyd"), chain(t, "home", "ann", "ben", "dot"))
	want := removal(t, m, "ben")
	got, err := cluster.ReadRemoval(want.Encode())
	if err != nil || got.Node != want.Node || got.Serial != want.Serial || !maps.Equal(got.Kept, want.Kept) || len(got.Kept) != 2 {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func TestTheOrderInWhichNodesHearDoesNotMatter(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	whole := membersOf(t, nil)
	all := []*cluster.Certificate{chain(t, "home", "ann", "ben"), chain(t, "home", "ann", "ben", "cyd"), chain(t, "home", "ann", "dot"), chain(t, "home", "ann", "dot", "eve")}
	admit(t, whole, all...)
	removals := []cluster.Removal{removal(t, whole, "ben"), removal(t, whole, "eve")}
	all = append(all, chain(t, "home", "ann", "ben", "fay"))
	want := []placement.NodeID{idOf("ann"), idOf("cyd"), idOf("dot")}
	slices.Sort(want)
	for range 50 {
		m := membersOf(t, nil)
		for _, i := range random.Perm(len(all) + len(removals)) {
			if i < len(all) {
				_, _ = m.Admit(all[i])
			} else {
				m.Remove(removals[i-len(all)])
			}
		}
		if !slices.Equal(m.All(), want) {
			t.Fatalf("members are %v, want %v", m.All(), want)
		}
	}
}
