// The steps of the official Go SDK with Go's standard library, as a worker: see ../src/worker.rs. Argument: the server's
// address, and the folder of the material.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	name      = "Go, the official SDK's steps"
	secretID  = "AKIDEXAMPLE0000000000000000000000000"
	secretKey = "a-key-that-opens-nothing00000000"
	host      = "vod.ap-guangzhou.tencentcloudapi.com"
	together  = 64
)

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func hmacSha256(text, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return string(mac.Sum(nil))
}

// As in tencentcloud/common/client.go, sendWithSignatureV3.
func sign(body, host string, timestamp int64) string {
	canonicalHeaders := fmt.Sprintf("content-type:%s\nhost:%s\n", "application/json", host)
	signedHeaders := "content-type;host"
	canonicalRequest := fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n%s", "POST", "/", "", canonicalHeaders, signedHeaders, sha256Hex(body))
	date := time.Unix(timestamp, 0).UTC().Format("2006-01-02")
	scope := fmt.Sprintf("%s/%s/tc3_request", date, "vod")
	stringToSign := fmt.Sprintf("%s\n%s\n%s\n%s", "TC3-HMAC-SHA256", strconv.FormatInt(timestamp, 10), scope, sha256Hex(canonicalRequest))
	secretDate := hmacSha256(date, "TC3"+secretKey)
	secretService := hmacSha256("vod", secretDate)
	signingKey := hmacSha256("tc3_request", secretService)
	signature := hex.EncodeToString([]byte(hmacSha256(stringToSign, signingKey)))
	return fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", "TC3-HMAC-SHA256", secretID, scope, signedHeaders, signature)
}

// The official models are structs of pointers like these.
type createRequest struct {
	SubAppId       *uint64       `json:"SubAppId,omitempty"`
	ModelName      *string       `json:"ModelName,omitempty"`
	ModelVersion   *string       `json:"ModelVersion,omitempty"`
	FileInfos      []*fileInfo   `json:"FileInfos,omitempty"`
	Prompt         *string       `json:"Prompt,omitempty"`
	NegativePrompt *string       `json:"NegativePrompt,omitempty"`
	EnhancePrompt  *string       `json:"EnhancePrompt,omitempty"`
	OutputConfig   *outputConfig `json:"OutputConfig,omitempty"`
	SessionId      *string       `json:"SessionId,omitempty"`
	SessionContext *string       `json:"SessionContext,omitempty"`
}

type describeRequest struct {
	TaskId   *string `json:"TaskId,omitempty"`
	SubAppId *uint64 `json:"SubAppId,omitempty"`
}

type fileInfo struct {
	Type              *string `json:"Type,omitempty"`
	Category          *string `json:"Category,omitempty"`
	FileId            *string `json:"FileId,omitempty"`
	Url               *string `json:"Url,omitempty"`
	ReferenceType     *string `json:"ReferenceType,omitempty"`
	ObjectId          *string `json:"ObjectId,omitempty"`
	VoiceId           *string `json:"VoiceId,omitempty"`
	KeepOriginalSound *string `json:"KeepOriginalSound,omitempty"`
	Usage             *string `json:"Usage,omitempty"`
	Text              *string `json:"Text,omitempty"`
}

type outputConfig struct {
	StorageMode           *string  `json:"StorageMode,omitempty"`
	MediaName             *string  `json:"MediaName,omitempty"`
	ClassId               *int64   `json:"ClassId,omitempty"`
	ExpireTime            *string  `json:"ExpireTime,omitempty"`
	Duration              *float64 `json:"Duration,omitempty"`
	Resolution            *string  `json:"Resolution,omitempty"`
	AspectRatio           *string  `json:"AspectRatio,omitempty"`
	AudioGeneration       *string  `json:"AudioGeneration,omitempty"`
	PersonGeneration      *string  `json:"PersonGeneration,omitempty"`
	InputComplianceCheck  *string  `json:"InputComplianceCheck,omitempty"`
	OutputComplianceCheck *string  `json:"OutputComplianceCheck,omitempty"`
	EnhanceSwitch         *string  `json:"EnhanceSwitch,omitempty"`
	OffPeak               *string  `json:"OffPeak,omitempty"`
	FrameInterpolate      *string  `json:"FrameInterpolate,omitempty"`
	LogoAdd               *string  `json:"LogoAdd,omitempty"`
	EnableBGM             *string  `json:"EnableBGM,omitempty"`
}

type videoStream struct {
	Bitrate  *int64   `json:"Bitrate,omitempty"`
	Height   *int64   `json:"Height,omitempty"`
	Width    *int64   `json:"Width,omitempty"`
	Codec    *string  `json:"Codec,omitempty"`
	Fps      *float64 `json:"Fps,omitempty"`
	CodecTag *string  `json:"CodecTag,omitempty"`
	Dynamic  *struct {
		Type    *string `json:"Type,omitempty"`
		HDRType *string `json:"HDRType,omitempty"`
	} `json:"DynamicRangeInfo,omitempty"`
}

type outputFile struct {
	StorageMode *string `json:"StorageMode,omitempty"`
	MediaName   *string `json:"MediaName,omitempty"`
	ClassId     *int64  `json:"ClassId,omitempty"`
	ExpireTime  *string `json:"ExpireTime,omitempty"`
	FileType    *string `json:"FileType,omitempty"`
	FileUrl     *string `json:"FileUrl,omitempty"`
	FileContent *string `json:"FileContent,omitempty"`
	FileId      *string `json:"FileId,omitempty"`
	UsageType   *string `json:"UsageType,omitempty"`
	MetaData    *struct {
		Size           *int64         `json:"Size,omitempty"`
		Container      *string        `json:"Container,omitempty"`
		Bitrate        *int64         `json:"Bitrate,omitempty"`
		Height         *int64         `json:"Height,omitempty"`
		Width          *int64         `json:"Width,omitempty"`
		Duration       *float64       `json:"Duration,omitempty"`
		Rotate         *int64         `json:"Rotate,omitempty"`
		VideoStreamSet []*videoStream `json:"VideoStreamSet,omitempty"`
		AudioStreamSet []*struct {
			Bitrate      *int64  `json:"Bitrate,omitempty"`
			SamplingRate *int64  `json:"SamplingRate,omitempty"`
			Codec        *string `json:"Codec,omitempty"`
		} `json:"AudioStreamSet,omitempty"`
		VideoDuration *float64 `json:"VideoDuration,omitempty"`
		AudioDuration *float64 `json:"AudioDuration,omitempty"`
		Md5           *string  `json:"Md5,omitempty"`
		CoverUrl      *string  `json:"CoverUrl,omitempty"`
	} `json:"MetaData,omitempty"`
}

type videoTask struct {
	TaskId         *string        `json:"TaskId,omitempty"`
	Status         *string        `json:"Status,omitempty"`
	ErrCode        *int64         `json:"ErrCode,omitempty"`
	ErrCodeExt     *string        `json:"ErrCodeExt,omitempty"`
	Message        *string        `json:"Message,omitempty"`
	Progress       *int64         `json:"Progress,omitempty"`
	SessionId      *string        `json:"SessionId,omitempty"`
	SessionContext *string        `json:"SessionContext,omitempty"`
	Input          *createRequest `json:"Input,omitempty"`
	Output         *struct {
		FileInfos        []*outputFile     `json:"FileInfos,omitempty"`
		ProcedureTaskIds []*string         `json:"ProcedureTaskIds,omitempty"`
		Usage            map[string]*int64 `json:"Usage,omitempty"`
	} `json:"Output,omitempty"`
}

type describeResponse struct {
	Response *struct {
		TaskType         *string    `json:"TaskType,omitempty"`
		Status           *string    `json:"Status,omitempty"`
		CreateTime       *string    `json:"CreateTime,omitempty"`
		BeginProcessTime *string    `json:"BeginProcessTime,omitempty"`
		FinishTime       *string    `json:"FinishTime,omitempty"`
		AigcVideoTask    *videoTask `json:"AigcVideoTask,omitempty"`
		RequestId        *string    `json:"RequestId,omitempty"`
	} `json:"Response"`
}

// As in tencentcloud/common/http/response.go: the error is looked for in a first pass.
type errorResponse struct {
	Response struct {
		Error struct {
			Code    string `json:"Code"`
			Message string `json:"Message"`
		} `json:"Error,omitempty"`
		RequestId string `json:"RequestId"`
	} `json:"Response"`
}

func decode(body []byte) *describeResponse {
	failure := &errorResponse{}
	must(json.Unmarshal(body, failure))
	if failure.Response.Error.Code != "" {
		panic(failure.Response.Error.Message)
	}
	response := &describeResponse{}
	must(json.Unmarshal(body, response))
	return response
}

func call(client *http.Client, address string) {
	task, app := "1500044236-AigcVideoTask-finished000c", uint64(1500044236)
	payload, err := json.Marshal(&describeRequest{&task, &app})
	must(err)
	timestamp := time.Now().Unix()
	request, err := http.NewRequestWithContext(context.Background(), "POST", "http://"+address+"/", bytes.NewReader(payload))
	must(err)
	for key, value := range map[string]string{
		"Content-Type":       "application/json",
		"X-TC-Action":        "DescribeTaskDetail",
		"X-TC-Version":       "2018-07-17",
		"X-TC-Timestamp":     strconv.FormatInt(timestamp, 10),
		"X-TC-Region":        "ap-guangzhou",
		"X-TC-RequestClient": "SDK_GO_3.0.0",
		"Authorization":      sign(string(payload), address, timestamp),
	} {
		request.Header[key] = []string{value}
	}
	response, err := client.Do(request)
	must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(err)
	decode(body)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func cpu() int64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func main() {
	address, material := os.Args[1], os.Args[2]
	text := func(name string) string {
		bytes, err := os.ReadFile(filepath.Join(material, name+".json"))
		must(err)
		return string(bytes)
	}
	create, finished := text("create"), []byte(text("finished"))
	typed := &createRequest{}
	must(json.Unmarshal([]byte(create), typed))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: together}}
	repeated := func(once func()) func(int) {
		return func(count int) {
			for ; count > 0; count-- {
				once()
			}
		}
	}
	signOnce := repeated(func() { sign(create, host, 1763884800) })
	ways := map[string]func(int){
		"sign first": signOnce,
		"sign again": signOnce,
		"encode": repeated(func() {
			_, err := json.Marshal(typed)
			must(err)
		}),
		"decode full": repeated(func() { decode(finished) }),
		"full call":   repeated(func() { call(client, address) }),
		"full call, 64 in flight": func(count int) {
			left, all := int64(count), sync.WaitGroup{}
			for index := 0; index < together; index++ {
				all.Add(1)
				go func() {
					defer all.Done()
					for atomic.AddInt64(&left, -1) >= 0 {
						call(client, address)
					}
				}()
			}
			all.Wait()
		},
	}
	for work := range ways {
		fmt.Printf("%s\t%s\n", work, name)
	}
	fmt.Println()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Split(lines.Text(), "\t")
		count, err := strconv.Atoi(words[2])
		must(err)
		before := cpu()
		ways[words[0]](count)
		fmt.Println(cpu() - before)
	}
}
