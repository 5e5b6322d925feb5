package runner

import (
	"reflect"
	"regexp/syntax"
	"strings"
)

// Pattern is the definition as a person would write the step: arguments stand in angle brackets, choices
// apart by a bar, what may be left out in square brackets.
func (d Definition) Pattern() string {
	tree, err := syntax.Parse(d.Expr, syntax.Perl)
	if err != nil {
		return d.Expr
	}
	text := pattern(tree, reflect.TypeOf(d.Do))
	if do := reflect.TypeOf(d.Do); do != nil && do.Kind() == reflect.Func && do.NumIn() > 0 {
		switch do.In(do.NumIn() - 1) {
		case docStringType:
			text += "\n\"\"\"\n<text>\n\"\"\""
		case tableType:
			text += "\n| <table> |"
		}
	}
	return text
}

func pattern(re *syntax.Regexp, do reflect.Type) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpEmptyMatch:
		return ""
	case syntax.OpConcat:
		var text strings.Builder
		for _, sub := range re.Sub {
			text.WriteString(pattern(sub, do))
		}
		return text.String()
	case syntax.OpAlternate:
		return "(" + strings.Join(choices(re, do), "|") + ")"
	case syntax.OpQuest:
		return "[" + pattern(re.Sub[0], do) + "]"
	case syntax.OpCapture:
		switch {
		case re.Name != "":
			return "<" + re.Name + ">"
		case fixed(re.Sub[0]) && re.Sub[0].Op == syntax.OpConcat:
			return "(" + strings.Join(choices(re.Sub[0], do), "|") + ")"
		case fixed(re.Sub[0]):
			return pattern(re.Sub[0], do)
		case do != nil && do.Kind() == reflect.Func && do.NumIn() >= re.Cap && isNumber(do.In(re.Cap-1)):
			return "<number>"
		}
		return "<text>"
	}
	return re.String()
}

// choices spells alternatives out again: the parser has put what they begin with before the brackets.
func choices(re *syntax.Regexp, do reflect.Type) []string {
	switch re.Op {
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			all = append(all, choices(sub, do)...)
		}
		return all
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			var longer []string
			for _, before := range all {
				for _, after := range choices(sub, do) {
					longer = append(longer, before+after)
				}
			}
			all = longer
		}
		return all
	}
	return []string{pattern(re, do)}
}

// fixed tells whether an expression is a choice of words.
func fixed(re *syntax.Regexp) bool {
	for _, sub := range re.Sub {
		if !fixed(sub) {
			return false
		}
	}
	switch re.Op {
	case syntax.OpLiteral, syntax.OpConcat, syntax.OpAlternate, syntax.OpQuest, syntax.OpEmptyMatch:
		return true
	}
	return false
}
