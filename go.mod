module foobar

go 1.26
