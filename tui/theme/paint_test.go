package theme

import (
	"reflect"
	"testing"

	"charm.land/lipgloss/v2"
)

// All styles of a theme, alone and in a row under the cursor, are painted as they are rendered.
func TestPaint(t *testing.T) {
	t.Parallel()
	for _, noColor := range []bool{false, true} {
		for _, dark := range []bool{false, true} {
			theme := New(dark, noColor)
			for _, theme := range []Theme{theme, theme.OfPast(), theme.OfContext("red", dark, noColor)} {
				for name, style := range stylesOf(theme) {
					for _, row := range []*lipgloss.Style{nil, &theme.Selected, &theme.marked} {
						styled := style
						if row != nil {
							styled = style.Inherit(*row)
						}
						for _, text := range []string{"", "a", " padded  ", "état ● 锁"} {
							if got, want := Paint(&styled, text), styled.Render(text); got != want {
								t.Fatalf("%s: %q is painted as %q, and rendered as %q", name, text, got, want)
							}
						}
					}
				}
			}
		}
	}
}

// stylesOf returns the styles of a theme by their names.
func stylesOf(theme Theme) map[string]lipgloss.Style {
	styles := map[string]lipgloss.Style{}
	v := reflect.ValueOf(&theme).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Type() == reflect.TypeFor[lipgloss.Style]() {
			styles[v.Type().Field(i).Name] = *(*lipgloss.Style)(f.Addr().UnsafePointer()) // unexported ones too
		}
	}
	return styles
}
