// Package guest is the program inside the jail. It reads the submitted file, which nothing outside does, and answers the
// supervisor's questions about it over package wire: one at a time, in order.
//
// It is a dumb executor. It knows no secrets, does not know what a prompt is for and decides nothing. A panic is not
// caught: the process ends and the supervisor says that it crashed.
//
// The file is loaded when the first question needs a model, so that files which are not models can be scanned.
package guest
