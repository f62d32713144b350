package cluster

import "testing"

func TestElected(t *testing.T) {
	one, two, three := &Member{number: 1}, &Member{number: 2}, &Member{number: 3}
	tests := []struct {
		name    string
		answers []*answer
		want    *Member
	}{
		{"Nobody", nil, nil},
		{"All", []*answer{{one, 1, 2, 5}, {two, 2, 2, 5}, {three, 3, 2, 5}}, two},
		{"OneIsDead", []*answer{{one, 1, 2, 5}, {two, 2, 2, 5}}, two},
		{"LeaderIsSilent", []*answer{{one, 1, 2, 5}, {three, 3, 2, 5}}, nil},
		{"OldLeaderIsIsolated", []*answer{{one, 1, 1, 5}, {two, 2, 2, 6}, {three, 3, 2, 6}}, two},
		{"OldLeaderAnswersFirst", []*answer{{one, 1, 1, 5}, {two, 2, 2, 6}}, nil},
		{"AFollowerIsBehind", []*answer{{one, 1, 1, 6}, {two, 2, 1, 5}, {three, 3, 0, 6}}, nil},
		{"Electing", []*answer{{one, 1, 0, 6}, {two, 2, 0, 6}, {three, 3, 0, 6}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := elected(tt.answers, 3); got != tt.want {
				t.Errorf("elected = %v, want %v", got, tt.want)
			}
		})
	}
}
